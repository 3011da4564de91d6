"""Answers on disk and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from coldpress.evaluation.predictions import Predictions, read_predictions, write_predictions


@pytest.fixture
def answers() -> Predictions:
    """Two rows of two labels; the teacher's name comes after the final one's in the alphabet."""
    logits = {
        "teacher": np.array([[2, 1], [0, 3]], dtype=np.float32),
        "onnx": np.array([[1, 2], [0, 1]], dtype=np.float32),
    }
    return Predictions(("a", "b"), ("cold", "warm"), np.array([0, 1]), logits)


def test_answers_come_back_with_their_models_in_order(answers: Predictions, tmp_path: Path) -> None:
    write_predictions(answers, tmp_path)
    found = read_predictions(tmp_path)
    assert list(found.logits) == ["teacher", "onnx"]
    assert (found.teacher, found.final) == ("teacher", "onnx")
    assert (found.ids, found.label_names) == (("a", "b"), ("cold", "warm"))
    assert found.labels.tolist() == [0, 1]
    for name, logits in answers.logits.items():
        assert found.logits[name].dtype == np.float32
        assert found.logits[name].tolist() == logits.tolist()


def test_what_is_right_is_the_largest_logit(answers: Predictions) -> None:
    assert answers.predicted_labels("onnx").tolist() == [1, 1]
    assert answers.correct("onnx").tolist() == [False, True]
    assert answers.correct("teacher").tolist() == [True, True]


def test_one_key_of_metadata_keeps_the_bytes_the_same(answers: Predictions, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_predictions(answers, tmp_path / name)
    with safe_open(tmp_path / "one" / "answers.safetensors", framework="numpy") as file:
        assert set(file.metadata()) == {"models"}
    one, two = ((tmp_path / name / "answers.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two
