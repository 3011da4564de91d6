"""Normalizations of vectors: layer normalization, and division by the root mean square."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from torch import Tensor, nn

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier

Norm = nn.LayerNorm | nn.RMSNorm
"""Has `weight`, `eps` and `normalized_shape`; for its bias see `bias_of`."""


def normalize(
    norm: Norm, states: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor:
    """Normalize as a module does, with other parameters.

    Args:
        norm: Decides which normalization: Ba et al. 2016, or Zhang and Sennrich 2019 (RMSNorm),
            which divides by sqrt(mean(x^2) + eps) and subtracts no mean.
        states: Shape (..., width).
        weight: Gain of each dimension, shape (width,); None: 1.
        bias: Shape (width,); of layer normalization only.
        eps: Added to the variance, or to the mean square.

    Returns:
        The shape of `states`; of a root mean square in float32, also in mixed precision.
    """
    width = states.shape[-1:]
    if isinstance(norm, nn.RMSNorm):
        return nn.functional.rms_norm(states.float(), width, weight, eps)
    return nn.functional.layer_norm(states, width, weight, bias, eps)


class RmsNorm(nn.RMSNorm):
    """Computes in float32 as transformers does, also where autocast passes lower precision."""

    def forward(self, states: Tensor) -> Tensor:
        """Normalize over the last dimension.

        Args:
            states: Shape (..., width).

        Returns:
            The shape of `states`.
        """
        return normalize(self, states, self.weight, None, cast("float", self.eps))


def bias_of(module: nn.Linear | Norm) -> nn.Parameter | None:
    """Return a module's bias; None: it has none."""
    return cast("nn.Parameter | None", getattr(module, "bias", None))


def prepare_rms_norms(classifier: Classifier) -> None:
    """Replace the RMSNorm modules of transformers, a class for each family, by one class.

    Args:
        classifier: Changed in place, once; of another family it stays as it is.
    """
    norms = classifier.architecture.norms
    if not norms.root_mean_square:
        return
    for layer in classifier.layers:
        for path in norms.in_layer:
            _replace_norm(layer, path)
    if norms.final:
        _replace_norm(classifier.encoder, norms.final)


def _replace_norm(parent: nn.Module, path: str) -> None:
    source: Any = parent.get_submodule(path)
    if isinstance(source, RmsNorm):
        return
    norm = RmsNorm(len(source.weight), eps=source.variance_epsilon)
    norm.weight = source.weight
    parent.set_submodule(path, norm)
