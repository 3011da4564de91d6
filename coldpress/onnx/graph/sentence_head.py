"""The sentence head in the graph: pooling, an optional linear layer, an optional normalization."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from coldpress.model.classifier import Classifier
from coldpress.model.sentence_head import DENSE, Pooling, read_head
from coldpress.onnx.graph.builder import Graph
from coldpress.onnx.graph.lowering import Lowering


def add_sentence_head(lowering: Lowering, classifier: Classifier, hidden: str) -> None:
    """Add the head.

    Args:
        lowering: Adds linear layers as the checkpoint stores them.
        classifier: With a sentence head.
        hidden: Name of the token vectors, shape (batch, tokens, hidden); the vector has the shape
            (batch, dimension).
    """
    graph = lowering.graph
    head = read_head(classifier.config)
    vector = add_pooling(graph, hidden, head.pooling)
    if head.dense is not None:
        vector = lowering.linear(vector, DENSE)
        vector = graph.node("Tanh", [vector]) if head.dense.activation == "tanh" else vector
    if head.normalize:
        graph.node("LpNormalization", [vector], axis=-1, p=2)


def add_pooling(graph: Graph, hidden: str, pooling: Pooling) -> str:
    """Add a pooling: (batch, tokens, hidden) to (batch, hidden).

    Args:
        graph: With the input `attention_mask`.
        hidden: Name of the token vectors; of the first token's only, for `cls`.
        pooling: How.
    """
    if pooling == "cls":
        return graph.node("Squeeze", [hidden, graph.integers(1)])
    if pooling == "max":
        return _add_maximum(graph, hidden)
    row = graph.node("Unsqueeze", [_real_tokens(graph), graph.integers(1)])  # (batch, 1, tokens)
    count = graph.node("ReduceSum", [row, graph.integers(2)], keepdims=1)
    divisor = count if pooling == "mean" else graph.node("Sqrt", [count])
    pooled = graph.node("Div", [graph.node("MatMul", [row, hidden]), divisor])
    return graph.node("Squeeze", [pooled, graph.integers(1)])


def _add_maximum(graph: Graph, hidden: str) -> str:
    """Add the maximum over the tokens; padding is lowered by more than any value."""
    padding = graph.node(
        "Sub", [_real_tokens(graph), _number(graph, "one", 1.0)]
    )  # 0, or -1 at padding
    lowered = graph.node("Mul", [padding, _number(graph, "huge", 1e30)])
    column = graph.node("Unsqueeze", [lowered, graph.integers(2)])  # (batch, tokens, 1)
    states = graph.node("Add", [hidden, column])
    # Not ReduceMax, whose axes are an attribute in one operator set and an input in the next.
    pooled = graph.node("GlobalMaxPool", [graph.node("Transpose", [states], perm=[0, 2, 1])])
    return graph.node("Squeeze", [pooled, graph.integers(2)])


def _number(graph: Graph, name: str, value: float) -> str:
    return graph.constant(name, np.asarray(value, dtype=np.float32))


def _real_tokens(graph: Graph) -> str:
    return graph.node("Cast", ["attention_mask"], to=TensorProto.FLOAT)
