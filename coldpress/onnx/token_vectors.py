"""The vectors that an exported file begins with, one a token."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper


def token_vectors(model: Path) -> NDArray[np.float32]:
    """Read the table of token embeddings, scaled where it is stored in integers.

    Args:
        model: A file that `export` wrote.

    Returns:
        Shape (vocabulary, width).
    """
    graph = onnx.load(model).graph
    constants = {constant.name: constant for constant in graph.initializer}
    (table,) = (
        node.input[0]
        for node in graph.node
        if node.op_type == "Gather" and node.input[1] == "input_ids"
    )
    rows: NDArray[np.float32] = numpy_helper.to_array(constants[table]).astype(np.float32)
    scale = constants.get(f"{table.removesuffix('.weight')}.scale")
    return rows if scale is None else rows * numpy_helper.to_array(scale)
