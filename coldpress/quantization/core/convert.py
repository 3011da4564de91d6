"""Replace a classifier's linear modules and tables by ones that compute with integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from coldpress.model.classifier import Classifier
from coldpress.quantization.core.int8 import quantize_rows, quantize_table, scale_and_zero_point
from coldpress.quantization.core.kbit import Granularity, quantize_weight
from coldpress.quantization.core.modules import QuantizedEmbedding, QuantizedLinear, SmoothedLinear
from coldpress.quantization.core.packing import BYTE_BITS

ModuleT = TypeVar("ModuleT", bound=nn.Module)
Ranges = Mapping[str, tuple[Tensor, Tensor]]
"""Smallest and largest input of each linear module, by its path."""


def quantize_int8(classifier: Classifier, bits: int, ranges: Ranges | None = None) -> Classifier:
    """Decide every integer of a classifier.

    Args:
        classifier: The source, left as it is.
        bits: Of the weights of linear modules: 7 or 8. Tables always have 8.
        ranges: Calibrated ranges; without them each call measures its own.

    Returns:
        A classifier that answers as ONNX Runtime will.
    """

    def linear(path: str, source: nn.Linear) -> QuantizedLinear:
        integers, scale = quantize_rows(source.weight, bits)
        return build_quantized_linear(
            source, integers, scale, span=ranges[path] if ranges else None
        )

    return replace_modules(
        classifier, linear, lambda _, table: build_quantized_embedding(*quantize_table(table))
    )


def quantize_kbit(
    classifier: Classifier, bits: Callable[[str], int], per: Granularity, table_bits: int
) -> Classifier:
    """Round every weight to as many bits as it is told to.

    Args:
        classifier: The source, left as it is.
        bits: From a linear module's path to the bits of its weights, 1 to 8.
        per: What has a scale of its own in linear modules; tables have one scale a column.
        table_bits: Of embedding tables, 1 to 8.

    Returns:
        A classifier that answers as ONNX Runtime will.
    """

    def linear(path: str, source: nn.Linear) -> QuantizedLinear:
        integers, scale = quantize_weight(source.weight, bits(path), per)
        return build_quantized_linear(source, integers, scale, bits=bits(path))

    return replace_modules(
        classifier, linear, lambda _, table: quantize_kbit_table(table, table_bits)
    )


def quantize_kbit_table(weight: Tensor, bits: int) -> QuantizedEmbedding:
    """Round an embedding table to k bits, one scale a column.

    Args:
        weight: float32 of shape (rows, width).
        bits: From 1 to 8.

    Returns:
        The table of integers.
    """
    integers, scale = quantize_weight(weight.T, bits, "channel")
    return build_quantized_embedding(integers.T.contiguous(), scale.flatten(), bits=bits)


@torch.no_grad()
def replace_modules(
    classifier: Classifier,
    linear: Callable[[str, nn.Linear], nn.Module],
    table: Callable[[str, Tensor], nn.Module],
) -> Classifier:
    """Put other modules in the place of linear modules and tables.

    Args:
        classifier: The source, left as it is.
        linear: From a path and the module there to what takes its place.
        table: From a path and the weight of the table there to what takes its place.

    Returns:
        A classifier with these modules.
    """
    made = classifier.copy()
    for path, module in modules_of_type(made, nn.Linear).items():
        made.module.set_submodule(path, linear(path, module))
    for path, embedding in modules_of_type(made, nn.Embedding).items():
        made.module.set_submodule(path, table(path, embedding.weight))
    mark_first_token(made)
    return made


def build_quantized_linear(
    source: nn.Linear,
    integers: Tensor,
    scale: Tensor,
    *,
    bits: int = BYTE_BITS,
    span: Sequence[Tensor] | None = None,
) -> QuantizedLinear:
    """Make a linear module of integers that were decided.

    Args:
        source: Brings the bias, and what its input is multiplied by where it is smoothed.
        integers: int8 of shape (out, in).
        scale: float32 of shape (out, 1).
        bits: How many of them the integers need: fewer than 8 are packed in files.
        span: Smallest and largest input; without them each call measures its own.

    Returns:
        A module that computes with these integers.
    """
    smoothed, calibrated = isinstance(source, SmoothedLinear), span is not None
    made = QuantizedLinear(*integers.shape, calibrated=calibrated, smoothed=smoothed, bits=bits)
    made.weight.data, made.scale = integers, scale
    if source.bias is not None:  # otherwise it is zero
        made.bias.data = source.bias.detach().clone()
    if span is not None:
        made.activation_scale, made.activation_zero_point = scale_and_zero_point(*span)
    if isinstance(source, SmoothedLinear):
        made.input_scale = source.input_scale
    return made


def build_quantized_embedding(
    integers: Tensor, scale: Tensor, *, bits: int = BYTE_BITS
) -> QuantizedEmbedding:
    """Make an embedding table of integers that were decided.

    Args:
        integers: int8 of shape (rows, width).
        scale: float32 of shape (width,).
        bits: How many of them the integers need: fewer than 8 are packed in files.

    Returns:
        A module that looks these integers up.
    """
    made = QuantizedEmbedding(*integers.shape, bits=bits)
    made.weight.data, made.scale = integers, scale
    return made


def modules_of_type(classifier: Classifier, kind: type[ModuleT]) -> dict[str, ModuleT]:
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
        Paths of the last layer's attention output and feed-forward modules; none where the head
        reads every token.
    """
    table = classifier.architecture
    last = f"{table.encoder}.{table.layers}.{len(classifier.layers) - 1}"
    roles = ("attention_output", *table.up_roles, "down") if classifier.reads_first_token else ()
    return frozenset(f"{last}.{getattr(table, role)}" for role in roles)


def mark_first_token(classifier: Classifier) -> None:
    """Let the modules after the last attention measure their range on the first token.

    Args:
        classifier: Quantized; changed in place.
    """
    for path in first_token_paths(classifier):
        module = classifier.module.get_submodule(path)
        if isinstance(module, QuantizedLinear):
            module.first_token = True
