"""The sum of token, position and segment embeddings as graph nodes."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from coldpress.model.classifier import Classifier
from coldpress.model.factored_embedding import PROJECTION, TABLE
from coldpress.onnx.graph.builder import Graph
from coldpress.onnx.graph.folded_tables import FoldedTable, first_position, folded_tables
from coldpress.onnx.graph.lowering import Lowering


def add_embeddings(lowering: Lowering, classifier: Classifier) -> str:
    """Sum, normalize and project the rows of the tables, as far as the family does.

    Args:
        lowering: Adds the classifier's modules.
        classifier: The classifier that is lowered.

    Returns:
        Name of a tensor of shape (batch, tokens, hidden).
    """
    embeddings = classifier.architecture.embeddings
    encoder = classifier.architecture.encoder
    words = _token_rows(lowering, f"{encoder}.{embeddings.words}")
    folded = folded_tables(classifier, lowering.graph.inputs)
    positions = _position_rows(lowering, classifier, folded)
    segments = _segment_rows(lowering, classifier, folded)
    summands = [words, *positions, *segments]
    if embeddings.norm is None:
        hidden = lowering.graph.total(summands)
    else:
        hidden = lowering.norm(summands, f"{encoder}.{embeddings.norm}")
    projection = f"{encoder}.{embeddings.projection}"
    return lowering.linear(hidden, projection) if lowering.has(projection) else hidden


def _token_rows(lowering: Lowering, path: str) -> str:
    """Look up the tokens: (batch, tokens, width); a factored table has narrower rows to project."""
    if not lowering.has(f"{path}.{TABLE}"):
        return lowering.embedding("input_ids", path)
    rows = lowering.embedding("input_ids", f"{path}.{TABLE}")
    return lowering.linear(rows, f"{path}.{PROJECTION}")


def _position_rows(
    lowering: Lowering, classifier: Classifier, folded: dict[str, FoldedTable]
) -> list[str]:
    graph = lowering.graph
    table = classifier.architecture
    if table.embeddings.positions is None:
        return []
    path = f"{table.encoder}.{table.embeddings.positions}"
    rows = _add_rows(graph, folded, path)
    if not table.embeddings.positions_from_padding:
        count = graph.node("Shape", ["input_ids"], start=1, end=2)
        if rows:
            return [graph.node("Slice", [rows, graph.integers(0), count])]
        return [lowering.leading_rows(count, path)]
    padding = first_position(classifier)
    numbers = _add_numbers(graph, padding)
    if rows:
        return [graph.node("Gather", [rows, numbers])]
    positions = graph.node("Add", [numbers, graph.integers(padding)])
    return [lowering.embedding(positions, path)]


def _add_numbers(graph: Graph, padding: int) -> str:
    """Number the real tokens from 1 on; padding has number 0: (batch, tokens)."""
    is_padding = graph.node("Equal", ["input_ids", graph.integers(padding)])
    real = graph.node("Cast", [graph.node("Not", [is_padding])], to=TensorProto.INT64)
    axis = graph.constant("axis_1", np.asarray(1, dtype=np.int64))
    return graph.node("Mul", [graph.node("CumSum", [real, axis]), real])


def _segment_rows(
    lowering: Lowering, classifier: Classifier, folded: dict[str, FoldedTable]
) -> list[str]:
    graph = lowering.graph
    table = classifier.architecture
    path = f"{table.encoder}.{table.embeddings.segments}"
    if not lowering.has(path) or any(path in item.paths[1:] for item in folded.values()):
        return []
    if rows := _add_rows(graph, folded, path):
        return [graph.node("Gather", [rows, "token_type_ids"])]
    return [lowering.leading_rows(graph.integers(1), path)]


def _add_rows(graph: Graph, folded: dict[str, FoldedTable], path: str) -> str:
    """Add a folded table; return an empty name if the table is not folded."""
    if path not in folded:
        return ""
    return graph.constant(folded[path].name, folded[path].rows)
