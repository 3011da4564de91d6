"""Unstructured sparsity: zero weights, and keep them at zero during training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier

Scheme = Literal["class-blind", "class-uniform", "class-distribution"]


@dataclass(frozen=True)
class SparsityTarget:
    """The share of weights to zero, and how they are compared.

    Attributes:
        share: Of all the encoder's linear weights; weights that are already zero count.
        scheme: One of the three of See et al. 2016, section 3.2. A class is a weight matrix.
    """

    share: float
    scheme: Scheme = "class-blind"


def zero_smallest(classifier: Classifier, target: SparsityTarget) -> Classifier:
    """Zero the smallest weights of the encoder's linear modules, but no biases.

    Args:
        classifier: The source; not changed.
        target: Share and scheme.

    Returns:
        A classifier of the same shapes.
    """
    pruned = classifier.copy()
    zero_smallest_in_place(linear_weights(pruned), target)
    return pruned


def zero_smallest_in_place(weights: Sequence[Tensor], target: SparsityTarget) -> None:
    """Zero the smallest weights of some matrices.

    Args:
        weights: Changed in place.
        target: Share and scheme.
    """
    # Class-uniform compares within a matrix, the other two across all of them.
    uniform = target.scheme == "class-uniform"
    for group in [[weight] for weight in weights] if uniform else [weights]:
        magnitudes = [_magnitudes(weight.detach(), target.scheme) for weight in group]
        threshold = _threshold(torch.cat([m.flatten() for m in magnitudes]), target.share)
        for weight, magnitude in zip(group, magnitudes, strict=True):
            weight.data[magnitude <= threshold] = 0.0


def linear_weights(classifier: Classifier) -> list[Tensor]:
    """Return the weight matrices of the encoder's linear modules.

    Args:
        classifier: Any classifier.

    Returns:
        In the order of `linear_modules`.
    """
    return [linear.weight for linear in linear_modules(classifier)]


def linear_modules(classifier: Classifier) -> list[nn.Linear]:
    """Return the encoder's linear modules.

    Args:
        classifier: Any classifier.

    Returns:
        Layer by layer; within a layer in the order of the architecture table.
    """
    roles = classifier.architecture.linears
    return [classifier.linear(layer, role) for layer in classifier.layers for role in roles]


def _magnitudes(weight: Tensor, scheme: Scheme) -> Tensor:
    """|w|, or |w| / sigma_c: class-distribution zeroes |w| < lambda sigma_c, one lambda for all."""
    magnitude = weight.abs()
    if scheme == "class-distribution":
        # The standard deviation of a constant matrix is 0.
        return magnitude / weight.std(correction=0).clamp_min(torch.finfo(weight.dtype).tiny)
    return magnitude


def _threshold(magnitudes: Tensor, share: float) -> float:
    count = round(share * len(magnitudes))
    return float(magnitudes.kthvalue(count).values) if count else -1.0


def keep_n_of_m(classifier: Classifier, n: int, m: int) -> Classifier:
    """Zero all but the n largest of every m neighbouring weights in a row (n:m sparsity).

    Args:
        classifier: The source; not changed.
        n: Number of weights to keep in a group; of equal ones, the first.
        m: Size of a group. A shorter group at the end of a row keeps n weights, too.

    Returns:
        A classifier of the same shapes.
    """
    pruned = classifier.copy()
    for weight in linear_weights(pruned):
        grouped = weight.shape[1] // m * m
        # Views of shape (rows, groups, weights): the matrix itself is changed.
        groups = weight.data[:, :grouped].view(len(weight), -1, m)
        rest = weight.data[:, grouped:].unsqueeze(1)
        for view in (groups, rest):
            smallest = view.abs().argsort(dim=-1, descending=True, stable=True)[..., n:]
            view.scatter_(-1, smallest, 0.0)
    return pruned


def zero_share(classifier: Classifier) -> float:
    """Return the share of the encoder's linear weights that is zero.

    Args:
        classifier: Any classifier.

    Returns:
        A fraction.
    """
    masks = zero_masks(classifier)
    return sum(int(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)


def zero_masks(classifier: Classifier) -> list[Tensor]:
    """Return masks of the zeros among the encoder's linear weights.

    Args:
        classifier: Any classifier.

    Returns:
        Booleans of the weights' shapes, in the order of `linear_modules`.
    """
    return [weight.detach() == 0 for weight in linear_weights(classifier)]


def apply_zero_masks(classifier: Classifier, masks: Sequence[Tensor]) -> None:
    """Zero the encoder's linear weights where the masks are true.

    Args:
        classifier: Changed in place.
        masks: As `zero_masks` returns them.
    """
    for weight, mask in zip(linear_weights(classifier), masks, strict=True):
        weight.data[mask] = 0.0


@contextmanager
def hold_zeros(classifier: Classifier) -> Iterator[None]:
    """Keep the zeros among the encoder's linear weights at zero during training.

    Args:
        classifier: Trained inside the context.
    """
    with hold_zeros_of(linear_weights(classifier)):
        yield


@contextmanager
def hold_zeros_of(weights: Sequence[Tensor]) -> Iterator[None]:
    """Keep the zeros of some matrices at zero during training.

    Their gradients are zeroed, and AdamW does not move a weight of zero with a gradient of zero.

    Args:
        weights: Parameters of any model, trained inside the context.
    """
    handles = [
        weight.register_hook(_zero_gradients(weight.detach() == 0))  # type: ignore[no-untyped-call]
        for weight in weights
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _zero_gradients(zeros: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda gradient: gradient.masked_fill(zeros.to(gradient.device), 0.0)
