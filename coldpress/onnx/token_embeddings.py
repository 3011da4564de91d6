"""The vectors that an exported file begins with, one a token."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from coldpress.onnx.graph.unpacking import trace_weights
from coldpress.quantization.core.packing import unpack


def read_token_embeddings(model: Path) -> NDArray[np.float32]:
    """Read the table of token embeddings, scaled where it is stored in integers.

    Args:
        model: A file that `export` wrote.

    Returns:
        Shape (vocabulary, width).
    """
    graph = onnx.load(model).graph
    constants = {c.name: numpy_helper.to_array(c) for c in graph.initializer}
    producers = {output: node for node in graph.node for output in node.output}
    (looked_up,) = (
        node.input[0]
        for node in graph.node
        if node.op_type == "Gather" and node.input[1] == "input_ids"
    )
    (path,) = trace_weights(producers, looked_up)
    rows = constants[f"{path}.weight"]
    if looked_up in producers:
        rows = unpack(rows, tuple(constants[producers[looked_up].input[1]]))
    scale = constants.get(f"{path}.scale")
    vectors: NDArray[np.float32] = rows.astype(np.float32)
    return vectors if scale is None else vectors * scale
