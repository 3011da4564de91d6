"""Scores of relative positions as graph nodes (He et al. 2021, "DeBERTa", equation 4).

For t tokens, the positions of the distances -t to t follow each other in a constant, so that a
product with them has 2t + 1 columns; row q needs the t columns from t - q on. Read as one list, row
q begins at q (2t + 1); the columns that it needs begin at q * 2t + t. So the list without its first
t numbers has rows of 2t numbers, of which the first t are those that are needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from coldpress.model.classifier import Classifier
from coldpress.model.disentangled import DisentangledSelfAttention, position_module
from coldpress.model.disentangled_attention import (
    ATTENTION,
    POSITION_NAMES,
    DisentangledAttention,
)
from coldpress.onnx.graph.attention import AttentionLowering, LayerInput, add_attention
from coldpress.onnx.graph.builder import Graph
from coldpress.onnx.graph.folded_tables import max_tokens


@dataclass(frozen=True)
class PositionTables:
    """The positions of one layer, multiplied by the scale of its scores.

    Attributes:
        module: Attention of the layer.
        longest: Largest number of tokens in a text.
        path: Path of the module, for the names of constants.
    """

    module: DisentangledSelfAttention
    longest: int
    path: str

    @property
    def constants(self) -> dict[str, NDArray[np.float32]]:
        """Names and values of the constants in the graph, which has no other of the tables."""
        return {self._constant(name): self._rows(name) for name in POSITION_NAMES}

    def add(self, graph: Graph, name: str) -> str:
        """Add one of the constants to a graph.

        Args:
            graph: Under construction.
            name: `position_keys` or `position_queries`.

        Returns:
            Name of a tensor of shape (1, heads, head size, 2 * longest + 1).
        """
        return graph.constant(self._constant(name), self._rows(name))

    @property
    def scale(self) -> float:
        """Factor of all scores."""
        return 1 / math.sqrt(3 * self.module.head_size)

    def _constant(self, name: str) -> str:
        return f"{self.path}.{name}.rows"

    def _rows(self, name: str) -> NDArray[np.float32]:
        """Return the positions for distances from -longest to longest.

        Queries are multiplied by keys of positions, where the distance is key minus query; keys by
        queries of positions, where it is query minus key.

        Returns:
            Shape (1, heads, head size, 2 * longest + 1).
        """
        distances = torch.arange(-self.longest, self.longest + 1)
        queries_minus_keys = distances if name == "position_queries" else -distances
        table = getattr(self.module, name).detach().cpu()
        rows = table[self.module.distance_rows(queries_minus_keys)] * self.scale
        by_head = rows.view(len(rows), -1, self.module.head_size).permute(1, 2, 0)
        return np.ascontiguousarray(by_head[None].numpy(), dtype=np.float32)


def position_tables(classifier: Classifier, layer: int) -> PositionTables:
    """Return the positions of a layer.

    Args:
        classifier: One with disentangled attention.
        layer: Counted from 0.
    """
    path = f"{classifier.architecture.layer_path(layer)}.{ATTENTION}"
    return PositionTables(position_module(classifier, layer), max_tokens(classifier), path)


def position_constants(classifier: Classifier) -> dict[str, NDArray[np.float32]]:
    """Return the constants that take the place of all position tables, by name.

    Args:
        classifier: Any classifier; empty without disentangled attention.
    """
    if not isinstance(classifier.architecture.attention, DisentangledAttention):
        return {}
    layers = range(len(classifier.layers))
    tables = [position_tables(classifier, layer).constants for layer in layers]
    return {name: value for constants in tables for name, value in constants.items()}


def add_position_scores(graph: Graph, tables: PositionTables, query: str, key: str) -> str:
    """Add the scores of content to position, and of position to content.

    Args:
        graph: With the input `input_ids`.
        tables: Positions of the layer.
        query: Name of the queries, shape (batch, tokens, heads * head size).
        key: Name of the keys.

    Returns:
        Name of a tensor of shape (batch, heads, tokens, tokens).
    """
    to_position = _add_products(graph, tables, query, "position_keys")
    by_key = _add_products(graph, tables, key, "position_queries")
    to_content = graph.node("Transpose", [by_key], perm=[0, 1, 3, 2])
    return graph.node("Add", [to_position, to_content])


def add_first_position_scores(graph: Graph, tables: PositionTables, query: str, key: str) -> str:
    """Add these scores for the first token only.

    Args:
        graph: With the input `input_ids`.
        tables: Positions of the layer.
        query: Name of the first token's query, shape (batch, 1, heads * head size).
        key: Name of the keys, shape (batch, tokens, heads * head size).

    Returns:
        Name of a tensor of shape (batch, heads, 1, tokens).
    """
    count = graph.node("Shape", ["input_ids"], start=1, end=2)
    middle, last = graph.integers(tables.longest), graph.integers(3)
    end = graph.node("Add", [count, middle])
    # Keys minus query are 0, 1, 2, ...
    following = graph.node("Slice", [tables.add(graph, "position_keys"), middle, end, last])
    to_position = graph.node("MatMul", [_split_heads(graph, tables, query), following])
    # The query minus keys is 0, -1, -2, ...
    queries = tables.add(graph, "position_queries")
    before = graph.node("Sub", [middle, count])
    preceding = graph.node("Slice", [queries, middle, before, last, graph.integers(-1)])
    columns = graph.node("Transpose", [_split_heads(graph, tables, key)], perm=[0, 1, 3, 2])
    products = graph.node("Mul", [columns, preceding])
    to_content = graph.node("ReduceSum", [products, graph.integers(2)], keepdims=1)
    return graph.node("Add", [to_position, to_content])


def _add_products(graph: Graph, tables: PositionTables, states: str, name: str) -> str:
    """Multiply by the positions of the distances -t to t, and select those of each row."""
    table = tables.add(graph, name)
    count = graph.node("Shape", ["input_ids"], start=1, end=2)
    middle, last = graph.integers(tables.longest), graph.integers(3)
    start = graph.node("Sub", [middle, count])
    end = graph.node("Add", [graph.node("Add", [middle, count]), graph.integers(1)])
    near = graph.node("Slice", [table, start, end, last])
    products = graph.node("MatMul", [_split_heads(graph, tables, states), near])
    flat = graph.node("Reshape", [products, graph.integers(0, 0, -1)])
    end_of_list = graph.integers(np.iinfo(np.int64).max)
    shifted = graph.node("Slice", [flat, count, end_of_list, graph.integers(2)])
    # (batch, heads, t, 2t)
    shape = graph.node("Concat", [graph.integers(0, 0), count, graph.integers(-1)], axis=0)
    rows = graph.node("Reshape", [shifted, shape])
    return graph.node("Slice", [rows, graph.integers(0), count, last])


def _split_heads(graph: Graph, tables: PositionTables, states: str) -> str:
    """Divide features into heads: (batch, heads, tokens, head size)."""
    size = tables.module.head_size
    heads = tables.module.position_keys.shape[1] // size
    split = graph.node("Reshape", [states, graph.integers(0, 0, heads, size)])
    return graph.node("Transpose", [split], perm=[0, 2, 1, 3])


@add_attention.register
def _add_disentangled(
    _: DisentangledAttention, lowering: AttentionLowering, layer: LayerInput
) -> str:
    query, key, value = lowering.project(layer)
    positions = position_tables(lowering.classifier, layer.index)
    add = add_first_position_scores if layer.first_token else add_position_scores
    summand = add(lowering.graph, positions, query, key)
    mask = ["", lowering.padding, summand]
    return lowering.attend(layer, [query, key, value], mask, scale=positions.scale)
