"""Bytes of a graph's weights that one text reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import helper

from coldpress.errors import InputError

_TABLE_INPUTS = {
    "Gather": (0,),
    "GatherBlockQuantized": (0,),
    "EmbedLayerNormalization": (2, 3, 4),
    "QEmbedLayerNormalization": (2, 3, 4),
}
"""Positions of the inputs of which only some rows are read."""


class WeightBytes:
    """Bytes of the constants of a graph.

    Attributes:
        whole: Bytes of the constants that every text reads completely.
        tables: Number of rows and bytes of the constants of which a token reads one row.
    """

    def __init__(self, model: Path) -> None:
        """Read a graph.

        Args:
            model: The ONNX file.

        Raises:
            InputError: It is not an ONNX file.
        """
        graph = _read_graph(model)
        tables = set(_table_names(graph))
        sizes = {tensor.name: _size(tensor) for tensor in graph.initializer}
        self.whole = sum(size for name, (_, size) in sizes.items() if name not in tables)
        self.tables = [size for name, size in sizes.items() if name in tables]

    def read_by(self, tokens: int) -> int:
        """Return the bytes that a text reads.

        Args:
            tokens: Length of the text.
        """
        rows = sum(min(tokens, count) * size // count for count, size in self.tables)
        return self.whole + rows


def _read_graph(model: Path) -> onnx.GraphProto:
    try:
        graph = onnx.load(model).graph
    except DecodeError as error:
        raise InputError(f"model: {model} is not an ONNX file") from error
    if not graph.node:  # few bytes can be read as a file without a graph
        raise InputError(f"model: {model} is not an ONNX file")
    return graph


def _table_names(graph: onnx.GraphProto) -> Iterator[str]:
    for node in graph.node:
        for position in _TABLE_INPUTS.get(node.op_type, ()):
            if position < len(node.input):
                yield node.input[position]


def _size(tensor: onnx.TensorProto) -> tuple[int, int]:
    """Return rows and bytes of a constant."""
    numbers = int(np.prod(tensor.dims, dtype=np.int64))
    rows = int(tensor.dims[0]) if tensor.dims else 1
    return max(rows, 1), numbers * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
