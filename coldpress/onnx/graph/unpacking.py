"""Operators that unpack weights of few bits when a session starts.

All their inputs are constants, so that ONNX Runtime computes them once, as it folds constants, and
keeps the signed bytes alone: answering is as fast as if they had been stored as bytes. What each
operator gives is held until all are folded, so that there are no more of them than have to be.
Shifts of bytes need opset 11; `BitwiseAnd` would need 18.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from coldpress.onnx.graph.builder import NAME_SEPARATOR, Graph
from coldpress.quantization.core import packing


def add_unpacking(graph: Graph, name: str, packed: packing.Bytes, shape: Sequence[int]) -> str:
    """Add a packed constant and what makes signed bytes of it.

    Args:
        graph: What they are added to.
        name: Of the constant.
        packed: As `packing.pack` returned it, of shape (bits, bytes).
        shape: Of the integers.

    Returns:
        Name of an int8 tensor of that shape.
    """
    bits, count = len(packed), int(np.prod(shape))
    unsigned = _sum_fields(graph, graph.constant(name, packed), bits)
    signed = _to_signed(graph, graph.node("Cast", [unsigned], to=TensorProto.INT8), bits)
    if count % 8:
        signed = graph.node("Reshape", [signed, graph.integers(-1)])
        signed = graph.node("Slice", [signed, graph.integers(0), graph.integers(count)])
    return graph.node("Reshape", [signed, graph.integers(*shape)])


def trace_weights(producers: Mapping[str, Any], name: str) -> list[str]:
    """Name the modules whose weights a tensor is made of, unpacked or as they are.

    Args:
        producers: The graph's nodes by their outputs.
        name: A tensor that is multiplied with, or looked rows up in.

    Returns:
        Paths, in the order in which the weights lie side by side.
    """
    if name in producers:
        above = producers[name].input
        found = [path for tensor in above for path in trace_weights(producers, tensor)]
        return list(dict.fromkeys(found))  # fields of one weight are several tensors
    parts = name.split(NAME_SEPARATOR)
    return [part.removesuffix(".weight") for part in parts if part.endswith(".weight")]


def _sum_fields(graph: Graph, packed: str, bits: int) -> str:
    """Sum up the fields of every integer, each at its height."""
    sizes, low, total = packing.bit_fields(bits), bits, ""
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


def _extract_field(graph: Graph, part: str, size: int) -> str:
    """Shift every field of a size out of its byte, to the top and down again."""
    line = graph.node("Reshape", [part, graph.integers(1, -1)])
    left = graph.constant(f"shifts_{size}", packing.field_shifts(size))
    top = graph.node("BitShift", [line, left], direction="LEFT")
    return graph.node("BitShift", [top, _byte(graph, 8 - size)], direction="RIGHT")


def _to_signed(graph: Graph, integers: str, bits: int) -> str:
    if bits == 1:
        twice = graph.node("Add", [integers, integers])
        return graph.node("Sub", [twice, _signed_byte(graph, 1)])
    return graph.node("Sub", [integers, _signed_byte(graph, packing.zero_offset(bits))])


def _byte(graph: Graph, value: int) -> str:
    return graph.constant(f"byte_{value}", np.asarray(value, dtype=np.uint8))


def _signed_byte(graph: Graph, value: int) -> str:
    return graph.constant(f"signed_byte_{value}", np.asarray(value, dtype=np.int8))
