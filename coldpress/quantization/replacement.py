"""Replace a classifier's linear modules and tables by ones that compute with integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from coldpress.model import Classifier
from coldpress.quantization.integers import activation_range, quantize_rows, quantize_table
from coldpress.quantization.simulation import (
    QuantizedEmbedding,
    QuantizedLinear,
    SmoothedLinear,
)

Kind = TypeVar("Kind", bound=nn.Module)
Ranges = Mapping[str, tuple[Tensor, Tensor]]
"""Smallest and largest input of each linear module, by its path."""


def quantized(classifier: Classifier, bits: int, ranges: Ranges | None = None) -> Classifier:
    """Decide every integer of a classifier.

    Args:
        classifier: The source, left as it is.
        bits: Of the weights of linear modules: 7 or 8. Tables always have 8.
        ranges: Calibrated ranges; without them each call measures its own.

    Returns:
        A classifier that answers as ONNX Runtime will.
    """
    made = classifier.copy()
    for path, linear in modules(made, nn.Linear).items():
        made.module.set_submodule(path, _linear(linear, bits, ranges[path] if ranges else None))
    for path, table in modules(made, nn.Embedding).items():
        made.module.set_submodule(path, _embedding(table))
    mark_first_token(made)
    return made


def modules(classifier: Classifier, kind: type[Kind]) -> dict[str, Kind]:
    """Find the modules of a kind.

    Args:
        classifier: Where to look.
        kind: Their class.

    Returns:
        The modules by their path.
    """
    named = classifier.module.named_modules()
    return {path: module for path, module in named if isinstance(module, kind)}


def first_token_paths(classifier: Classifier) -> frozenset[str]:
    """Name the modules after the last attention: only their first token reaches the logits.

    Args:
        classifier: Any classifier.

    Returns:
        Paths of the last layer's attention output and feed-forward modules.
    """
    table = classifier.architecture
    last = f"{table.encoder}.{table.layers}.{len(classifier.layers) - 1}"
    return frozenset(f"{last}.{role}" for role in (table.attention_output, table.up, table.down))


def mark_first_token(classifier: Classifier) -> None:
    """Let the modules after the last attention measure their range on the first token.

    Args:
        classifier: Quantized; changed in place.
    """
    for path in first_token_paths(classifier):
        module = classifier.module.get_submodule(path)
        if isinstance(module, QuantizedLinear):
            module.first_token = True


@torch.no_grad()
def _linear(linear: nn.Linear, bits: int, span: Sequence[Tensor] | None) -> QuantizedLinear:
    smoothed = isinstance(linear, SmoothedLinear)
    made = QuantizedLinear(*linear.weight.shape, calibrated=span is not None, smoothed=smoothed)
    made.weight.data, made.scale = quantize_rows(linear.weight, bits)
    made.bias.data = linear.bias.clone()
    if span is not None:
        made.activation_scale, made.activation_zero_point = activation_range(*span)
    if isinstance(linear, SmoothedLinear):
        made.input_scale = linear.input_scale
    return made


@torch.no_grad()
def _embedding(table: nn.Embedding) -> QuantizedEmbedding:
    made = QuantizedEmbedding(*table.weight.shape)
    made.weight.data, made.scale = quantize_table(table.weight)
    return made
