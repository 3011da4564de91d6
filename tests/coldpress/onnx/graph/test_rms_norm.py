"""Root mean square normalization in every operator set of the recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from coldpress.onnx.graph.builder import Graph
from coldpress.onnx.graph.rms_norm import add_rms_norm

WIDTH = 5


def build(opset: int, gain: NDArray[np.float32]) -> onnx.ModelProto:
    """Normalize the rows of a table: (batch, tokens) to (batch, tokens, 5)."""
    graph = Graph(["input_ids"], logits_of="tokens")
    table = graph.constant("table", np.random.default_rng(0).normal(size=(9, WIDTH)).astype("f4"))
    rows = graph.node("Gather", [table, "input_ids"])
    add_rms_norm(graph, rows, graph.constant("gain", gain), 1e-5)
    return graph.model(WIDTH, opset, {})


@pytest.mark.parametrize("opset", [17, 18, 19, 20])
def test_nodes_compute_what_torch_computes(opset: int, tmp_path: Path) -> None:
    gain = np.array([1, -2, 0.5, 3, 0], dtype=np.float32)
    model = build(opset, gain)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    ids = np.array([[1, 8, 3]])
    (out,) = session.run(None, {"input_ids": ids})
    norm = nn.RMSNorm(WIDTH, eps=1e-5)
    norm.weight.data = torch.from_numpy(gain)
    table = np.random.default_rng(0).normal(size=(9, WIDTH)).astype("f4")
    expected = norm(torch.from_numpy(table[ids])).detach().numpy()
    np.testing.assert_allclose(out, expected, atol=1e-6)
    # ONNX Runtime replaces the six nodes by its own operator.
    optimized = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
    assert optimized == ["Gather", "SimplifiedLayerNormalization"]
