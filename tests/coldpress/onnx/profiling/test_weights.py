"""Bytes of weights that a text reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coldpress.errors import InputError
from coldpress.onnx.graph.builder import Graph
from coldpress.onnx.profiling.weights import WeightBytes


def test_a_token_reads_its_row_of_a_table_and_the_whole_of_a_matrix(tmp_path: Path) -> None:
    graph = Graph(["input_ids"])
    table = graph.constant("table", np.zeros((4, 8), dtype=np.int8))
    weight = graph.constant("weight", np.zeros((8, 2), dtype=np.float32))
    rows = graph.node("Cast", [graph.node("Gather", [table, "input_ids"])], to=1)
    graph.node("MatMul", [rows, weight])
    path = tmp_path / "model.onnx"
    path.write_bytes(graph.model(2, 17, {}).SerializeToString())
    weights = WeightBytes(path)
    assert weights.read_by(3) == 8 * 2 * 4 + 3 * 8
    # There are no more than four rows.
    assert weights.read_by(5) == 8 * 2 * 4 + 4 * 8


@pytest.mark.parametrize("content", ["no graph", "x\n", ""])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.onnx").write_text(content)
    with pytest.raises(InputError, match=r"^model: .*model\.onnx is not an ONNX file$"):
        WeightBytes(tmp_path / "model.onnx")
