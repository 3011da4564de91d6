"""The convolution of a convolutional model as graph nodes."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from coldpress.model.architecture import CONVOLUTION_PATH
from coldpress.model.classifier import Classifier
from coldpress.model.convolutional_model import ConvolutionalConfig
from coldpress.onnx.graph.builder import Graph
from coldpress.onnx.graph.lowering import Lowering


def add_convolution(lowering: Lowering, classifier: Classifier) -> str:
    """Add the largest value of each filter in a text.

    Args:
        lowering: Adds the classifier's modules.
        classifier: A convolutional model.

    Returns:
        Name of a tensor of shape (batch, 1, filters).
    """
    graph = lowering.graph
    table = classifier.architecture
    padded = _add_padding(graph, classifier.config)
    rows = lowering.embedding(padded, f"{table.encoder}.{table.embeddings.words}")
    windows = _add_windows(graph, rows, classifier.config.window)
    values = lowering.linear(windows, CONVOLUTION_PATH)
    real = graph.node("Cast", ["attention_mask"], to=TensorProto.FLOAT)
    column = graph.node("Unsqueeze", [real, graph.integers(2)])
    values = graph.node("Mul", [values, column])
    return graph.node("Relu", [graph.maximum(values, axis=1)])


def _add_padding(graph: Graph, config: ConvolutionalConfig) -> str:
    """Let every window end within the text: (batch, tokens + window - 1)."""
    if config.window == 1:
        return "input_ids"
    before_and_after = graph.integers(0, 0, 0, config.window - 1)
    padding = graph.constant("padding_id", np.asarray(config.pad_token_id or 0, dtype=np.int64))
    return graph.node("Pad", ["input_ids", before_and_after, padding])


def _add_windows(graph: Graph, rows: str, window: int) -> str:
    """Join neighbouring rows: (batch, tokens, window * width)."""
    if window == 1:
        return rows
    starts = range(window)
    parts = [graph.slice_tokens(rows, start, start - window + 1 or None) for start in starts]
    return graph.node("Concat", parts, axis=2)
