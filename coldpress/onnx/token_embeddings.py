"""Token embeddings of an exported file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from coldpress.onnx.graph.unpacking import trace_weights
from coldpress.quantization.core.packing import unpack


def read_token_embeddings(model: Path) -> NDArray[np.float32]:
    """Read the table of token embeddings, scaled if it is stored as integers.

    Args:
        model: Path of an exported ONNX file.

    Returns:
        Shape (vocabulary, width).
    """
    graph = onnx.load(model).graph
    constants = {c.name: numpy_helper.to_array(c) for c in graph.initializer}
    producers = {output: node for node in graph.node for output in node.output}
    (table,) = (
        node.input[0]
        for node in graph.node
        if node.op_type == "Gather" and node.input[1] == "input_ids"
    )
    (path,) = trace_weights(producers, table)
    rows = constants[f"{path}.weight"]
    if table in producers:
        rows = unpack(rows, tuple(constants[producers[table].input[1]]))
    scale = constants.get(f"{path}.scale")
    vectors: NDArray[np.float32] = rows.astype(np.float32)
    return vectors if scale is None else vectors * scale
