"""Gates on hidden dimensions, shared by all layers (Xia et al. 2022, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from coldpress.model import surgery
from coldpress.model.classifier import Classifier
from coldpress.pruning.cofi.hard_concrete import open_probability

GateSource = Callable[[], Tensor]
"""z_hidden of this forward pass, shape (width,)."""


@contextmanager
def apply_width_gates(classifier: Classifier, gates: GateSource) -> Iterator[None]:
    """Let gates weigh the hidden dimensions wherever a layer writes to them.

    What is normalized is normalized over the open dimensions alone, and is 0 in the others: a model
    with closed gates answers as the narrower one does. The features that the head computes have the
    same gates, as a head is as wide as its encoder.

    Args:
        classifier: Its modules compute with gates inside of the context.
        gates: Asked in every module that is weighed.
    """
    written, norms = residual_writers(classifier), _norms(classifier)
    with ExitStack() as hooks:
        for module in norms:
            hook = _norm_hook(gates, module in written)
            hooks.callback(module.register_forward_hook(hook).remove)
        for module in (each for each in written if each not in norms):
            hooks.callback(module.register_forward_hook(_output_hook(gates)).remove)
        output = classifier.module.get_submodule(classifier.architecture.output)
        hooks.callback(output.register_forward_pre_hook(_input_hook(gates)).remove)
        yield


def gated_layer_norm(states: Tensor, norm: nn.LayerNorm, gates: Tensor, weighed: bool) -> Tensor:
    """Normalize over the dimensions whose gates are not zero.

    With the mean m of the k open ones in place of the closed ones, the mean of all W is m too, and
    the variance of all is k / W times that of the open ones.

    Args:
        states: Shape (..., width).
        norm: Gives epsilon, gain and bias.
        gates: Shape (width,).
        weighed: Whether what comes out is multiplied by the gates.

    Returns:
        0 where gates are, of the states' shape.
    """
    opened = gates != 0
    share = max(int(opened.sum()), 1) / len(gates)
    gates, opened = gates.to(states.device), opened.to(states.device)
    mean = torch.where(opened, states, 0.0).mean(-1, keepdim=True) / share
    scale = gates if weighed else opened.to(gates.dtype)
    bias = norm.bias * scale if norm.bias is not None else None
    return nn.functional.layer_norm(
        torch.where(opened, states, mean),
        norm.normalized_shape,
        norm.weight * scale * share**0.5,
        bias,
        norm.eps * share,
    )


def residual_writers(classifier: Classifier) -> list[nn.Module]:
    """Return the modules whose output is multiplied by the gates.

    Args:
        classifier: Any.

    Returns:
        Linear modules and normalizations.
    """
    table, modules = classifier.architecture, dict(classifier.encoder.named_modules())
    found = [modules.get(table.embedding_projection) or modules[table.embedding_norm]]
    for layer in classifier.layers:
        found += [classifier.linear(layer, role) for role in ("attention_output", "down")]
        if not table.pre_norm:
            found += [layer.get_submodule(n) for n in (table.attention_norm, table.output_norm)]
    return found


def fold_width_gates(classifier: Classifier, gates: Tensor) -> None:
    """Multiply gates into the weights, so that the model needs them no more.

    Args:
        classifier: Changed in place.
        gates: Shape (width,).
    """
    with torch.no_grad():
        for module in residual_writers(classifier):
            for parameter in module.parameters(recurse=False):
                # A weight has a row a dimension, a gain and a bias a number.
                rows = gates.view(-1, *[1] * (parameter.ndim - 1))
                parameter.mul_(rows.to(parameter.device))
        output = classifier.module.get_submodule(classifier.architecture.output)
        weight = cast("nn.Linear", output).weight
        weight *= gates.to(weight.device)


def select_dimensions(classifier: Classifier, hidden: Tensor) -> list[int]:
    """Keep the dimensions that are likeliest open, as many as are expected to be.

    Args:
        classifier: Says which widths there can be: multiples of the head size, not that of tables
            which a projection follows.
        hidden: log alpha of the gates.

    Returns:
        Indices, ascending; their number is rounded up to such a width.
    """
    size, table = classifier.head_size, classifier.architecture
    # Gates that are as good as closed are to pay for no further multiple.
    expected = round(float(open_probability(hidden.detach()).sum()))
    count = max(1, -(-expected // size)) * size
    if table.embedding_projection in dict(classifier.encoder.named_modules()):
        count += size * (count == classifier.config.embedding_size)
    likeliest: list[int] = hidden.detach().argsort(descending=True, stable=True).tolist()
    return sorted(likeliest[:count])


def keep_dimensions(classifier: Classifier, dimensions: list[int]) -> Classifier:
    """Remove the other dimensions.

    The features of the head that stay are those with weights towards the logits: gates that are
    closed and multiplied in have left none to the others.

    Args:
        classifier: With its gates multiplied in.
        dimensions: Those that stay.

    Returns:
        A narrower classifier, or the same if all stay.
    """
    if len(dimensions) == classifier.config.hidden_size:
        return classifier
    return surgery.keep_width(classifier, dimensions)


def _norms(classifier: Classifier) -> list[nn.Module]:
    """What normalizes over the width."""
    table, encoder = classifier.architecture, classifier.encoder
    found = [
        layer.get_submodule(n)
        for layer in classifier.layers
        for n in (table.attention_norm, table.output_norm)
    ]
    if table.embedding_projection not in dict(encoder.named_modules()):
        found.append(encoder.get_submodule(table.embedding_norm))
    if table.final_norm:
        found.append(encoder.get_submodule(table.final_norm))
    if table.pooler_norm:
        found.append(classifier.module.get_submodule(table.pooler_norm))
    # The first layer of a pre-norm family has none before its attention.
    return [norm for norm in found if not isinstance(norm, nn.Identity)]


def _norm_hook(gates: GateSource, weighed: bool) -> Callable[..., Tensor]:
    def normalize(module: nn.Module, arrived: tuple[Tensor, ...], given: Tensor) -> Tensor:
        now = gates()
        if now.all():  # mean and variance are right, and most steps of a training are such
            return given * now.to(given.device) if weighed else given
        return gated_layer_norm(arrived[0], cast("nn.LayerNorm", module), now, weighed)

    return normalize


def _output_hook(gates: GateSource) -> Callable[..., Tensor]:
    return lambda _, __, given: given * gates().to(given.device)


def _input_hook(gates: GateSource) -> Callable[..., tuple[Tensor]]:
    return lambda _, arrived: (arrived[0] * gates().to(arrived[0].device),)
