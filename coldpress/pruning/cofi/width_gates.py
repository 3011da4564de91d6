"""Gates on hidden dimensions, shared by all layers (Xia et al. 2022, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from coldpress.model import surgery
from coldpress.model.classifier import Classifier
from coldpress.model.factored_embedding import FactoredEmbedding
from coldpress.model.normalization import Norm, bias_of, normalize
from coldpress.pruning.cofi.hard_concrete import open_probability

GateSource = Callable[[], Tensor]
"""Returns z_hidden of the current forward pass, shape (width,)."""


@contextmanager
def apply_width_gates(classifier: Classifier, gates: GateSource) -> Iterator[None]:
    """Multiply hidden dimensions by their gates wherever a layer writes to them.

    Normalizations use the open dimensions only and return 0 for the others, so that a model with
    closed gates computes the same as the narrower model. The features between the two linear
    modules of the output head have the same gates, since the head is as wide as the encoder.

    Args:
        classifier: Its modules compute with gates inside the context.
        gates: Called in every module that has gates.
    """
    writers = residual_writers(classifier)
    norms = _norms(classifier)
    with ExitStack() as hooks:
        for module in norms:
            hook = _norm_hook(gates, module in writers)
            hooks.callback(module.register_forward_hook(hook).remove)
        for module in (writer for writer in writers if writer not in norms):
            hooks.callback(module.register_forward_hook(_output_hook(gates)).remove)
        for output in _head_readers(classifier):
            hooks.callback(output.register_forward_pre_hook(_input_hook(gates)).remove)
        yield


def gated_norm(states: Tensor, norm: Norm, gates: Tensor, scale_output: bool) -> Tensor:
    """Normalize over the dimensions whose gates are not zero.

    If the closed ones of W dimensions are replaced by the mean m of the k open ones, the mean of
    all is m, and the variance of all is k / W times that of the open ones. Without a mean to
    subtract, zeros in their place make the mean square k / W times that of the open ones.

    Args:
        states: Shape (..., width).
        norm: Its epsilon, gain and bias are used.
        gates: Shape (width,).
        scale_output: Also multiply the output by the gates.

    Returns:
        The shape of `states`; 0 where gates are 0.
    """
    is_open = gates != 0
    share = max(int(is_open.sum()), 1) / len(gates)
    gates = gates.to(states.device)
    is_open = is_open.to(states.device)
    filling = torch.zeros((), dtype=states.dtype, device=states.device)
    if isinstance(norm, nn.LayerNorm):
        filling = torch.where(is_open, states, 0.0).mean(-1, keepdim=True) / share
    scale = gates if scale_output else is_open.to(gates.dtype)
    own_bias = bias_of(norm)
    bias = None if own_bias is None else own_bias * scale
    weight = norm.weight * scale * share**0.5
    eps = cast("float", norm.eps) * share
    return normalize(norm, torch.where(is_open, states, filling), weight, bias, eps)


def residual_writers(classifier: Classifier) -> list[nn.Module]:
    """Return the modules whose output is multiplied by the gates.

    Args:
        classifier: Any classifier.

    Returns:
        Linear modules and normalizations; the token table if no module follows it.
    """
    table = classifier.architecture
    writers = [_embedding_writer(classifier)]
    for layer in classifier.layers:
        writers += [classifier.linear(layer, role) for role in ("attention_output", "down")]
        if not table.norms.before_sublayers:
            writers += [layer.get_submodule(norm) for norm in table.norms.in_layer]
    return writers


def _embedding_writer(classifier: Classifier) -> nn.Module:
    """Return the module whose output is the first layer's input."""
    embeddings = classifier.architecture.embeddings
    modules: dict[str, nn.Module] = dict(classifier.encoder.named_modules())
    if embeddings.projection in modules:
        return modules[embeddings.projection]
    last = modules[embeddings.norm or embeddings.words]
    return last.projection if isinstance(last, FactoredEmbedding) else last


def fold_width_gates(classifier: Classifier, gates: Tensor) -> None:
    """Multiply gates into the weights, so that they are no longer needed.

    Args:
        classifier: Changed in place.
        gates: Shape (width,).
    """
    with torch.no_grad():
        for module in residual_writers(classifier):
            for parameter in module.parameters(recurse=False):
                # A weight has one row per dimension, a gain or bias one number, a table a column.
                table = isinstance(module, nn.Embedding)
                rows = gates if table else gates.view(-1, *[1] * (parameter.ndim - 1))
                parameter.mul_(rows.to(parameter.device))
        for output in _head_readers(classifier):
            output.weight *= gates.to(output.weight.device)


def select_dimensions(classifier: Classifier, log_alphas: Tensor) -> list[int]:
    """Select the dimensions that are most likely open, as many as are expected to be.

    Args:
        classifier: Decides which widths are possible: multiples of the head size, except the width
            of an embedding table that a projection follows.
        log_alphas: log alpha of the gates, shape (width,).

    Returns:
        Ascending indices; their number is rounded up to a possible width.
    """
    size = classifier.head_size
    table = classifier.architecture
    # Rounded, so that gates that are almost closed do not add up to one more multiple.
    expected = round(float(open_probability(log_alphas.detach()).sum()))
    count = max(1, -(-expected // size)) * size
    if table.embeddings.projection in dict(classifier.encoder.named_modules()):
        count += size * (count == classifier.config.embedding_size)
    order: list[int] = log_alphas.detach().argsort(descending=True, stable=True).tolist()
    return sorted(order[:count])


def keep_dimensions(classifier: Classifier, dimensions: list[int]) -> Classifier:
    """Remove all other hidden dimensions.

    Of the head's features, those with weights towards the logits are kept: folding the closed
    gates has set the weights of the others to 0.

    Args:
        classifier: With its gates folded into the weights.
        dimensions: Indices to keep.

    Returns:
        A narrower classifier, or the same if all dimensions are kept.
    """
    if len(dimensions) == classifier.config.hidden_size:
        return classifier
    return surgery.keep_width(classifier, dimensions)


def _head_readers(classifier: Classifier) -> list[nn.Linear]:
    """Return the module that reads the features between the linear modules of the output head.

    There is none if the head has a single module: it reads the encoder's gated dimensions.
    """
    head = classifier.output_head
    if head.pooler is None:
        return []
    return [cast("nn.Linear", classifier.module.get_submodule(head.output))]


def _norms(classifier: Classifier) -> list[nn.Module]:
    """Return the modules that normalize over the width."""
    table = classifier.architecture
    encoder = classifier.encoder
    norms = [
        layer.get_submodule(norm) for layer in classifier.layers for norm in table.norms.in_layer
    ]
    projected = table.embeddings.projection in dict(encoder.named_modules())
    if table.embeddings.norm and not projected:
        norms.append(encoder.get_submodule(table.embeddings.norm))
    if table.norms.final:
        norms.append(encoder.get_submodule(table.norms.final))
    if classifier.output_head.norm:
        norms.append(classifier.module.get_submodule(classifier.output_head.norm))
    # The first layer of a pre-norm family has no norm before its attention.
    return [norm for norm in norms if not isinstance(norm, nn.Identity)]


def _norm_hook(gates: GateSource, scale_output: bool) -> Callable[..., Tensor]:
    def normalize(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        current = gates()
        if current.all():  # mean and variance are right, as in most training steps
            return output * current.to(output.device) if scale_output else output
        return gated_norm(inputs[0], cast("Norm", module), current, scale_output)

    return normalize


def _output_hook(gates: GateSource) -> Callable[..., Tensor]:
    return lambda _, __, output: output * gates().to(output.device)


def _input_hook(gates: GateSource) -> Callable[..., tuple[Tensor]]:
    return lambda _, inputs: (inputs[0] * gates().to(inputs[0].device),)
