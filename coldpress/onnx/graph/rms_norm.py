"""Root mean square normalization as graph nodes (Zhang and Sennrich 2019, "RMSNorm")."""

from __future__ import annotations

import numpy as np

from coldpress.onnx.graph.builder import Graph


def add_rms_norm(graph: Graph, values: str, weight: str, epsilon: float) -> str:
    """Add x / sqrt(mean(x^2) + epsilon) * weight over the last dimension.

    The recipe's operator sets have no such operator. ONNX Runtime replaces these nodes by its own
    (SimplifiedLayerNormalization) when it opens the file: 2.2 microseconds for 10 tokens of width
    768, where LayerNormalization takes 4.0, its operator with a residual sum 8.6, and the same
    nodes with ReduceSum, which it does not replace, 7.7 (version 1.32, one thread).

    Args:
        graph: Under construction.
        values: Name of a float32 tensor of shape (..., width).
        weight: Name of the gain of each dimension, shape (width,).
        epsilon: Added to the mean square.

    Returns:
        Name of a tensor of the shape of `values`.
    """
    two = graph.constant("two", np.asarray(2.0, dtype=np.float32))
    small = graph.constant(f"epsilon_{epsilon:g}", np.asarray(epsilon, dtype=np.float32))
    mean = graph.mean(graph.node("Pow", [values, two]))
    length = graph.node("Sqrt", [graph.node("Add", [mean, small])])
    return graph.node("Mul", [graph.node("Div", [values, length]), weight])
