"""Operators of integer tables."""

from __future__ import annotations

from onnx import TensorProto

from coldpress.quantization.arithmetic.graph import GraphBuilder, add_tensor
from coldpress.quantization.arithmetic.int8_embedding.module import QuantizedEmbedding
from coldpress.quantization.arithmetic.packed_weights import pack_weight
from coldpress.quantization.arithmetic.unpacking import add_unpacking
from coldpress.quantization.core.packing import BYTE_BITS


def add_table(graph: GraphBuilder, path: str, module: QuantizedEmbedding) -> str:
    """Add an embedding table, with unpacking operators if it is packed.

    Args:
        graph: The graph under construction.
        path: Path of the table.
        module: The table.

    Returns:
        Name of an int8 tensor of shape (rows, width).
    """
    if module.bits == BYTE_BITS:
        return add_tensor(graph, f"{path}.weight", module.weight)
    packed = pack_weight(module).numpy()
    return add_unpacking(graph, f"{path}.weight", packed, module.weight.shape)


def scale_rows(graph: GraphBuilder, rows: str, path: str, module: QuantizedEmbedding) -> str:
    """Scale rows of a table.

    Args:
        graph: The graph under construction.
        rows: Name of an int8 tensor of shape (..., width).
        path: Path of the table.
        module: The table.

    Returns:
        Name of a float32 tensor of that shape.
    """
    # DequantizeLinear with a scale per column takes twice as long (ONNX Runtime 1.31).
    values = graph.node("Cast", [rows], to=TensorProto.FLOAT)
    scale = add_tensor(graph, f"{path}.scale", module.scale)
    return graph.node("Mul", [values, scale])
