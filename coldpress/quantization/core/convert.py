"""Replacement of a classifier's linear modules and tables by integer modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from coldpress.model.classifier import Classifier
from coldpress.quantization.arithmetic.int8_embedding.module import QuantizedEmbedding
from coldpress.quantization.arithmetic.int8_linear.module import QuantizedLinear
from coldpress.quantization.core.int8 import quantize_rows, quantize_table, scale_and_zero_point
from coldpress.quantization.core.kbit import Granularity, quantize_weight
from coldpress.quantization.core.packing import BYTE_BITS
from coldpress.quantization.core.smoothed_linear import SmoothedLinear

ModuleT = TypeVar("ModuleT", bound=nn.Module)
Ranges = Mapping[str, tuple[Tensor, Tensor]]
"""Smallest and largest input of each linear module, by its path."""


def quantize_int8(classifier: Classifier, bits: int, ranges: Ranges | None = None) -> Classifier:
    """Quantize a classifier to int8.

    Args:
        classifier: The source, not modified.
        bits: Bits of linear weights, 7 or 8. Tables always have 8.
        ranges: Calibrated input ranges; None measures the range in each call.

    Returns:
        A classifier that computes what ONNX Runtime will compute.
    """

    def linear(path: str, source: nn.Linear) -> QuantizedLinear:
        integers, scale = quantize_rows(source.weight, bits)
        return build_quantized_linear(
            source, integers, scale, input_range=ranges[path] if ranges else None
        )

    return replace_modules(
        classifier, linear, lambda _, table: build_quantized_embedding(*quantize_table(table))
    )


def quantize_kbit(
    classifier: Classifier, bits: Callable[[str], int], per: Granularity, table_bits: int
) -> Classifier:
    """Quantize every weight to a given number of bits.

    Args:
        classifier: The source, not modified.
        bits: Returns the weight bits of a linear module, 1 to 8, by its path.
        per: One scale per output row or per weight. Tables have one scale per column.
        table_bits: Bits of an embedding table entry, 1 to 8.

    Returns:
        A classifier that computes what ONNX Runtime will compute.
    """

    def linear(path: str, source: nn.Linear) -> QuantizedLinear:
        integers, scale = quantize_weight(source.weight, bits(path), per)
        return build_quantized_linear(source, integers, scale, bits=bits(path))

    return replace_modules(
        classifier, linear, lambda _, table: quantize_kbit_table(table, table_bits)
    )


def quantize_kbit_table(weight: Tensor, bits: int) -> QuantizedEmbedding:
    """Quantize an embedding table to k bits, one scale per column.

    Args:
        weight: float32 of shape (rows, width).
        bits: From 1 to 8.

    Returns:
        The integer table.
    """
    integers, scale = quantize_weight(weight.T, bits, "channel")
    return build_quantized_embedding(integers.T.contiguous(), scale.flatten(), bits=bits)


@torch.no_grad()
def replace_modules(
    classifier: Classifier,
    linear: Callable[[str, nn.Linear], nn.Module],
    table: Callable[[str, Tensor], nn.Module],
) -> Classifier:
    """Replace all linear modules and embedding tables.

    Args:
        classifier: The source, not modified.
        linear: Builds the replacement of a linear module from its path and the module.
        table: Builds the replacement of a table from its path and its weight.

    Returns:
        A copy with the new modules.
    """
    converted = classifier.copy()
    for path, module in modules_of_type(converted, nn.Linear).items():
        converted.module.set_submodule(path, linear(path, module))
    for path, embedding in modules_of_type(converted, nn.Embedding).items():
        converted.module.set_submodule(path, table(path, embedding.weight))
    mark_first_token(converted)
    return converted


def build_quantized_linear(
    source: nn.Linear,
    integers: Tensor,
    scale: Tensor,
    *,
    bits: int = BYTE_BITS,
    input_range: Sequence[Tensor] | None = None,
) -> QuantizedLinear:
    """Build a linear module from quantized weights.

    Args:
        source: Provides the bias and, if smoothed, the input scale.
        integers: int8 of shape (out, in).
        scale: float32 of shape (out, 1).
        bits: Bits of an integer; fewer than 8 are packed in files.
        input_range: Smallest and largest input; None measures them in each call.

    Returns:
        A module that computes with these integers.
    """
    module = QuantizedLinear(
        *integers.shape,
        calibrated=input_range is not None,
        smoothed=isinstance(source, SmoothedLinear),
        bits=bits,
    )
    module.weight.data = integers
    module.scale = scale
    if source.bias is not None:  # otherwise it is zero
        module.bias.data = source.bias.detach().clone()
    if input_range is not None:
        module.activation_scale, module.activation_zero_point = scale_and_zero_point(*input_range)
    if isinstance(source, SmoothedLinear):
        module.input_scale = source.input_scale
    return module


def build_quantized_embedding(
    integers: Tensor, scale: Tensor, *, bits: int = BYTE_BITS
) -> QuantizedEmbedding:
    """Build an embedding table from quantized weights.

    Args:
        integers: int8 of shape (rows, width).
        scale: float32 of shape (width,).
        bits: Bits of an integer; fewer than 8 are packed in files.

    Returns:
        A module that looks up these integers.
    """
    module = QuantizedEmbedding(*integers.shape, bits=bits)
    module.weight.data = integers
    module.scale = scale
    return module


def modules_of_type(classifier: Classifier, kind: type[ModuleT]) -> dict[str, ModuleT]:
    """Find the modules of a class.

    Args:
        classifier: The classifier to search.
        kind: The modules' class.

    Returns:
        The modules by path.
    """
    modules = classifier.module.named_modules()
    return {path: module for path, module in modules if isinstance(module, kind)}


def first_token_paths(classifier: Classifier) -> frozenset[str]:
    """Return the modules after the last attention, where only the first token reaches the logits.

    Args:
        classifier: Any classifier.

    Returns:
        Paths of the last layer's attention output and feed-forward modules; none where the head
        reads every token.
    """
    table = classifier.architecture
    last = f"{table.encoder}.{table.layers}.{len(classifier.layers) - 1}"
    roles = ("attention_output", *table.up_roles, "down") if classifier.reads_first_token else ()
    return frozenset(f"{last}.{table.linears[role]}" for role in roles)


def mark_first_token(classifier: Classifier) -> None:
    """Make the modules after the last attention measure their range on the first token.

    Args:
        classifier: Quantized; changed in place.
    """
    for path in first_token_paths(classifier):
        module: Any = classifier.module.get_submodule(path)
        if hasattr(module, "first_token"):
            module.first_token = True
