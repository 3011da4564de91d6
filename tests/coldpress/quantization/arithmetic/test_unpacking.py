"""Operators that unpack low-bit integers."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from coldpress.onnx.graph.builder import Graph
from coldpress.quantization.arithmetic.unpacking import add_unpacking
from coldpress.quantization.core.packing import pack


@pytest.mark.parametrize("bits", range(1, 8))
@pytest.mark.parametrize("shape", [(4, 6), (3, 5), (8, 8)])
@pytest.mark.parametrize("opset", [17, 20])
def test_operators_unpack_what_was_packed(bits: int, shape: tuple[int, int], opset: int) -> None:
    values = (-1, 1) if bits == 1 else range(-(2 ** (bits - 1)), 2 ** (bits - 1))
    integers = np.random.default_rng(bits).choice(values, shape).astype(np.int8)
    graph = Graph(["input_ids"])
    name = add_unpacking(graph, "weight", pack(integers, bits), shape)
    graph.node("Cast", [graph.node("Gather", [name, "input_ids"])], to=TensorProto.FLOAT)
    model = graph.model(1, opset, {})
    model.graph.output[0].type.Clear()
    session = onnxruntime.InferenceSession(model.SerializeToString())
    every_row = np.arange(shape[0])[None]
    assert session.run(None, {"input_ids": every_row})[0][0].tolist() == integers.tolist()
