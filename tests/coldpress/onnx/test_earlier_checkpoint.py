"""Checkpoints of an earlier version are loaded, and exported to a graph with the same logits."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import onnx

from coldpress.model.checkpoint import Checkpoint
from coldpress.onnx.export import export
from coldpress.onnx.predictor import Predictor
from coldpress.quantization.core.storage import load_any_precision
from coldpress.quantization.precision import describe_arithmetic

ARCHIVE = Path(__file__).parents[2] / "data" / "home-before-restructuring.tar.xz"
FLOAT32 = ["float32 rows", "float32"]
INT8 = ["int8 rows, scaled to float32", "int8, ranges of the batch"]


def read_logits(directory: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Logits of a text of five tokens, before the temperature."""
    ids = np.array([[2, 5, 7, 6, 3]])
    return Predictor(directory).logits(ids, np.ones_like(ids), np.zeros_like(ids))


def source(directory: Path) -> str:
    """Digest of the checkpoint that a file was exported from."""
    properties = onnx.load(directory / "model.onnx").metadata_props
    return str(next(entry.value for entry in properties if entry.key == "source"))


def test_checkpoints_of_an_earlier_version_have_the_same_arithmetic_and_logits(
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
    quantized = {item.digest: item for item in found if item.manifest.stage == "quantize"}
    earlier = [path.parent for path in home.rglob("model.onnx")]
    assert {source(directory) for directory in earlier} == quantized.keys()
    for number, directory in enumerate(earlier):
        again = tmp_path / str(number)
        again.mkdir()
        export(quantized[source(directory)], again, 17, {})
        expected = read_logits(directory)
        assert np.ptp(expected) > 1e-4
        np.testing.assert_allclose(read_logits(again), expected, atol=1e-7)
