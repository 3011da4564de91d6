"""Whether a graph gives a text the same logits alone and in a batch of texts as long as it."""

from __future__ import annotations

from collections.abc import Collection

from onnx import GraphProto, NodeProto

from coldpress.onnx.graph.weights import trace_weights

_RANGES_OF_THE_CALL = frozenset({"DynamicQuantizeLinear", "DynamicQuantizeMatMul"})
_FLOAT_PRODUCTS = frozenset({"Attention", "FusedMatMul", "Gemm", "MatMul", "MatMulNBits"})


def equal_in_batches(graph: GraphProto) -> bool:
    """Return whether logits do not change, in any bit, in a batch of texts of equal length.

    Sums of integers are exact in any order, and attention, normalization and activation functions
    compute the texts of a batch one by one. Two kinds of operators may change a text's numbers:
    those that round by the range of the whole batch, and products of float32 with weights, whose
    order of summation depends on the number of rows.

    Args:
        graph: Of an exported file.
    """
    constants = trace_weights(graph).keys()
    return not any(_depends_on_batch(node, constants) for node in graph.node)


def _depends_on_batch(node: NodeProto, constants: Collection[str]) -> bool:
    has_weight = any(name in constants for name in node.input)
    return node.op_type in _RANGES_OF_THE_CALL or (node.op_type in _FLOAT_PRODUCTS and has_weight)
