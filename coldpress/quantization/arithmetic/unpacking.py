"""ONNX operators that unpack low-bit weights when a session starts.

All inputs are constants, so ONNX Runtime folds the operators once and keeps only the int8 weights:
inference is as fast as with weights stored as bytes. The output of each operator stays in memory
until all are folded, so their number is kept small. Shifts of bytes need opset 11; `BitwiseAnd`
would need 18.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from coldpress.quantization.arithmetic.graph import GraphBuilder
from coldpress.quantization.core import packing


def add_unpacking(
    graph: GraphBuilder, name: str, packed: packing.Bytes, shape: Sequence[int]
) -> str:
    """Add a packed constant and the operators that unpack it to int8.

    Args:
        graph: The graph under construction.
        name: Name of the constant.
        packed: Returned by `packing.pack`, uint8 of shape (bits, bytes).
        shape: Shape of the integers.

    Returns:
        Name of an int8 tensor of that shape.
    """
    bits = len(packed)
    count = int(np.prod(shape))
    unsigned = _sum_fields(graph, graph.constant(name, packed), bits)
    signed = _to_signed(graph, graph.node("Cast", [unsigned], to=TensorProto.INT8), bits)
    if count % 8:
        signed = graph.node("Reshape", [signed, graph.integers(-1)])
        signed = graph.node("Slice", [signed, graph.integers(0), graph.integers(count)])
    return graph.node("Reshape", [signed, graph.integers(*shape)])


def _sum_fields(graph: GraphBuilder, packed: str, bits: int) -> str:
    """Add the sum of every integer's fields, each shifted to its bits."""
    sizes = packing.bit_fields(bits)
    low = bits
    total = ""
    parts = [packed]
    if len(sizes) > 1:
        parts = graph.nodes("Split", [packed, graph.integers(*sizes)], len(sizes), axis=0)
    for size, part in zip(sizes, parts, strict=True):
        low -= size
        field = _extract_field(graph, part, size)
        if len(sizes) > 1:
            field = graph.node("Reshape", [field, graph.integers(-1)])
        if low:
            field = graph.node("BitShift", [field, _byte(graph, low)], direction="LEFT")
        total = graph.node("Add", [total, field]) if total else field
    return total


def _extract_field(graph: GraphBuilder, part: str, size: int) -> str:
    """Isolate every field of a size by a shift to the left and back to the right."""
    flat = graph.node("Reshape", [part, graph.integers(1, -1)])
    shifts = graph.constant(f"shifts_{size}", packing.field_shifts(size))
    high = graph.node("BitShift", [flat, shifts], direction="LEFT")
    return graph.node("BitShift", [high, _byte(graph, 8 - size)], direction="RIGHT")


def _to_signed(graph: GraphBuilder, integers: str, bits: int) -> str:
    if bits == 1:
        twice = graph.node("Add", [integers, integers])
        return graph.node("Sub", [twice, _signed_byte(graph, 1)])
    return graph.node("Sub", [integers, _signed_byte(graph, packing.zero_offset(bits))])


def _byte(graph: GraphBuilder, value: int) -> str:
    return graph.constant(f"byte_{value}", np.asarray(value, dtype=np.uint8))


def _signed_byte(graph: GraphBuilder, value: int) -> str:
    return graph.constant(f"signed_byte_{value}", np.asarray(value, dtype=np.int8))
