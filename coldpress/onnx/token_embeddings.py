"""Token embeddings of an exported file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from coldpress.model.factored_embedding import TABLE
from coldpress.onnx.graph.weights import trace_weights
from coldpress.onnx.predictor import open_session

_SUMS = ("MatMul", "MatMulInteger")
"""Operators that may add up the rows of a static model, their second input."""
_LONGER_TEXTS = ("Concat", "Pad")
"""Operators that may append ids to those of a text, their first input."""


def read_token_embeddings(path: Path) -> NDArray[np.float32]:
    """Read the table of token embeddings in float32.

    Tables are stored in the form of their arithmetic, so the operators that convert the rows of a
    text, or their sum, are run on all rows.

    Args:
        path: An exported ONNX file.

    Returns:
        Shape (vocabulary, width); in a static model, the rows of n-grams follow.
    """
    model = onnx.load(path)
    lookup = _find_lookup(model.graph)
    for node in model.graph.node:
        if node.op_type in _SUMS and node.input[1] == lookup.output[0]:
            node.CopyFrom(helper.make_node("Identity", lookup.output, list(node.output)))
    rows = _float32_rows(model.graph, lookup)
    all_rows = helper.make_node("Identity", lookup.input[:1], list(lookup.output))
    lookup.CopyFrom(all_rows)
    session = open_session(_reduce(model, rows).SerializeToString(), threads=1)
    vectors: NDArray[np.float32] = session.run(None, {})[0]
    return vectors


def _find_lookup(graph: onnx.GraphProto) -> onnx.NodeProto:
    """Return the node that looks up tokens, which n-grams or padding may follow."""
    tokens = {"input_ids"}
    for node in graph.node:
        if node.op_type in _LONGER_TEXTS and node.input[0] == "input_ids":
            tokens.update(node.output)
    lookups: list[onnx.NodeProto] = [
        node for node in graph.node if node.op_type == "Gather" and node.input[1] in tokens
    ]
    (lookup,) = lookups
    return lookup


def _float32_rows(graph: onnx.GraphProto, lookup: onnx.NodeProto) -> str:
    """Return the name of the rows after the operators that only use constants of their table.

    The second factor of a factored table is one of these constants.
    """
    weights = trace_weights(graph)
    (path,) = weights[lookup.input[0]]
    prefix = f"{path.removesuffix(f'.{TABLE}')}."

    def is_constant(name: str) -> bool:
        paths = weights.get(name)
        return name.startswith(prefix) or (
            bool(paths) and all(f"{path}.".startswith(prefix) for path in paths or ())
        )

    computed = set(lookup.output)
    rows: str = lookup.output[0]
    for node in graph.node:
        names = {name for name in node.input if name}
        if names & computed and all(map(is_constant, names - computed)):
            computed.update(node.output)
            rows = node.output[0]
    return rows


def _reduce(model: onnx.ModelProto, output: str) -> onnx.ModelProto:
    """Return the part of a model that computes a tensor from constants."""
    needed = {output}
    nodes: list[onnx.NodeProto] = []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            nodes.insert(0, node)
            needed.update(node.input)
    constants = [c for c in model.graph.initializer if c.name in needed]
    value = helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "rows", [], [value], constants)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
