"""Summands of attention scores: biases of distances, and masks of windows."""

from __future__ import annotations

import numpy as np
import torch
from onnx import TensorProto

from coldpress.model.classifier import Classifier
from coldpress.model.relative_bias import bias_weight, bucket_numbers
from coldpress.onnx.graph.builder import Graph
from coldpress.quantization.arithmetic.graph import add_tensor

MASKED_SCORE = float(np.finfo(np.float32).min)
"""Added to the scores of masked tokens, as in torch. ONNX Runtime's default is -10000: if training
diverged, scores can be below that, and padding would be attended to."""


def add_distance_biases(graph: Graph, classifier: Classifier, path: str, longest: int) -> str:
    """Add the biases of all heads by the distances of tokens.

    Args:
        graph: With the input `input_ids`.
        classifier: One whose attention has relative biases.
        path: Path of the table of biases, of shape (buckets, heads).
        longest: Largest number of tokens.

    Returns:
        Name of a tensor of shape (1, heads, tokens, tokens).
    """
    table = add_tensor(graph, f"{path}.weight", bias_weight(classifier))
    zero = graph.integers(0)
    by_head = graph.node("Unsqueeze", [graph.node("Transpose", [table], perm=[1, 0]), zero])
    places = torch.arange(longest)
    # Of any two tokens, as bytes: a slice takes less time than the arithmetic of distances.
    buckets = bucket_numbers(classifier, places - places[:, None]).numpy().astype(np.uint8)
    count = graph.node("Shape", ["input_ids"], start=1, end=2)
    rows = graph.node("Slice", [graph.constant("buckets", buckets), zero, count])
    square = graph.node("Slice", [rows, zero, count, graph.integers(1)])
    numbers = graph.node("Cast", [square], to=TensorProto.INT32)
    return graph.node("Gather", [by_head, numbers], axis=2)


def add_window_mask(graph: Graph, width: int) -> str:
    """Add the summand that masks padding and tokens outside a window.

    Args:
        graph: With the inputs `input_ids` and `attention_mask`.
        width: How far tokens attend to either side.

    Returns:
        Name of a tensor of shape (batch, 1, tokens, tokens).
    """
    distances = graph.node("Abs", [_add_distances(graph)])
    in_window = graph.node("LessOrEqual", [distances, graph.integers(width)])
    real = graph.node("Cast", ["attention_mask"], to=TensorProto.BOOL)
    keys = graph.node("Unsqueeze", [real, graph.integers(1, 2)])
    visible = graph.node("And", [keys, in_window])
    masked = graph.constant("unseen", np.asarray(MASKED_SCORE, dtype=np.float32))
    unmasked = graph.constant("seen", np.asarray(0.0, dtype=np.float32))
    return graph.node("Where", [visible, unmasked, masked])


def _add_distances(graph: Graph) -> str:
    """Add the distances of keys and queries, of shape (tokens, tokens)."""
    # The constants' names are part of exported files.
    start, step = (graph.constant(f"place_{value}", np.asarray(value)) for value in (0, 1))
    count = graph.node("Squeeze", [graph.node("Shape", ["input_ids"], start=1, end=2)])
    positions = graph.node("Range", [start, count, step])
    queries = graph.node("Unsqueeze", [positions, graph.integers(1)])
    return graph.node("Sub", [positions, queries])
