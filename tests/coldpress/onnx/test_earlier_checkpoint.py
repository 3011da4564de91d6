"""Checkpoints of an earlier version are loaded, and exported to the same graph as then."""

from __future__ import annotations

import tarfile
from pathlib import Path

import onnx

from coldpress.model.checkpoint import Checkpoint
from coldpress.onnx.export import export
from coldpress.quantization.core.storage import load_any_precision
from coldpress.quantization.precision import describe_arithmetic

ARCHIVE = Path(__file__).parents[2] / "data" / "home-before-restructuring.tar.xz"
FLOAT32 = ["float32 rows", "float32"]
INT8 = ["int8 rows, scaled to float32", "int8, ranges of the batch"]


def read_graph(path: Path) -> bytes:
    graph: bytes = onnx.load(path).graph.SerializeToString(deterministic=True)
    return graph


def test_checkpoints_of_an_earlier_version_have_the_same_arithmetic_and_graph(
    tmp_path: Path,
) -> None:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path / "home", filter="data")
    home = tmp_path / "home"
    found = [Checkpoint.open(path.parent) for path in home.rglob("coldpress.json")]
    arithmetics = {
        checkpoint.manifest.stage: [
            part.computes_in for part in describe_arithmetic(load_any_precision(checkpoint))
        ]
        for checkpoint in found
        if (checkpoint.path / "model.safetensors").exists() and checkpoint.manifest.shapes
    }
    assert arithmetics == {
        "train_teacher": FLOAT32,
        "distill_student": FLOAT32,
        "prune": FLOAT32,
        "quantize": INT8,
    }
    quantized = [checkpoint for checkpoint in found if checkpoint.manifest.stage == "quantize"]
    for number, checkpoint in enumerate(quantized):
        (tmp_path / str(number)).mkdir()
        export(checkpoint, tmp_path / str(number), 17, {})
    graphs = {read_graph(tmp_path / str(n) / "model.onnx") for n in range(len(quantized))}
    assert graphs == {read_graph(path) for path in home.rglob("model.onnx")}
    assert len(graphs) == 2
