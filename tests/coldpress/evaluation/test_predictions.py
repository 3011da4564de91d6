"""Predictions are written and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from coldpress.evaluation.predictions import Predictions, read_predictions, write_predictions
from coldpress.kinds import KINDS, TEXT_CLASSIFICATION, task_kind


@pytest.fixture
def predictions() -> Predictions:
    """Two rows of two labels; the teacher's name sorts after the final model's."""
    logits = {
        "teacher": np.array([[2, 1], [0, 3]], dtype=np.float32),
        "onnx": np.array([[1, 2], [0, 1]], dtype=np.float32),
    }
    return Predictions(("a", "b"), TEXT_CLASSIFICATION, ("cold", "warm"), np.array([0, 1]), logits)


def test_predictions_are_read_back_with_their_models_in_order(
    predictions: Predictions, tmp_path: Path
) -> None:
    write_predictions(predictions, tmp_path)
    restored = read_predictions(tmp_path)
    assert list(restored.outputs) == ["teacher", "onnx"]
    assert (restored.teacher, restored.final) == ("teacher", "onnx")
    assert (restored.ids, restored.names) == (("a", "b"), ("cold", "warm"))
    assert restored.targets.tolist() == [0, 1]
    for name, logits in predictions.outputs.items():
        assert restored.outputs[name].dtype == np.float32
        assert restored.outputs[name].tolist() == logits.tolist()


def test_the_largest_logit_is_the_prediction(predictions: Predictions) -> None:
    assert predictions.sample_scores("onnx").tolist() == [0.0, 1.0]
    assert predictions.sample_scores("teacher").tolist() == [1.0, 1.0]
    assert predictions.target_texts == ["cold", "warm"]


def test_a_single_metadata_key_keeps_the_bytes_equal(
    predictions: Predictions, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_predictions(predictions, tmp_path / name)
    with safe_open(tmp_path / "one" / "answers.safetensors", framework="numpy") as file:
        assert set(file.metadata()) == {"models"}
    first, second = (
        (tmp_path / name / "answers.safetensors").read_bytes() for name in ("one", "two")
    )
    assert first == second


def test_thresholds_are_read_back_and_turn_logits_into_margins(tmp_path: Path) -> None:
    margins = {
        "teacher": np.array([[0.5, -1.0]], dtype=np.float32),
        "onnx": np.array([[-2.0, 1.0]], dtype=np.float32),
    }
    thresholds = {"teacher": (-1.0, 0.5), "onnx": (0.0, 2.0)}
    kind = task_kind("multi-label")
    names = ("cold", "warm")
    write_predictions(
        Predictions(("a",), kind, names, np.array([[1, 0]]), margins, thresholds), tmp_path
    )
    restored = read_predictions(tmp_path)
    assert restored.targets.tolist() == [[1, 0]]
    assert restored.target_texts == ['["cold"]']
    assert restored.logits("teacher").tolist() == [[-0.5, -0.5]]
    assert restored.margins("teacher", np.array([[0.0, 0.0]])).tolist() == [[1.0, -0.5]]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_without_targets_have_no_target_texts(kind: str) -> None:
    outputs = {"onnx": np.zeros((2, 1), dtype=np.float32)}
    predictions = Predictions(("a", "b"), task_kind(kind), ("x",), np.asarray(()), outputs)
    assert predictions.target_texts == []
