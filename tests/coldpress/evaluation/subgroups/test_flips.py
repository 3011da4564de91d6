"""Rows that compression lost, and the model that lost them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coldpress.data.splits import Split
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.subgroups import flips
from coldpress.kinds import TEXT_CLASSIFICATION

TEST = Split(
    tuple("abcde"),
    ("t0", "t1", "<b>2", "t3", "t4"),
    ("p0", "p1", "p2", "p3", "p4"),
    (0, 0, 0, 0, 0),
)


@pytest.fixture
def predictions() -> Predictions:
    """Five rows of class 0. Row 2 is lost by the student, recovered, and lost again."""
    outcomes = {
        "teacher": (1, 1, 1, 0, 1),
        "student": (1, 0, 0, 0, 1),
        "pruned": (1, 0, 1, 1, 1),
        "onnx": (1, 0, 0, 0, 1),
    }
    logits = {
        name: np.array([[3, 2] if correct else [0, 1] for correct in of_rows], dtype=np.float32)
        for name, of_rows in outcomes.items()
    }
    return Predictions(
        TEST.ids, TEXT_CLASSIFICATION, ("cold", "warm"), np.zeros(5, dtype=np.int64), logits
    )


def test_flips_are_rows_that_only_the_teacher_predicts_correctly(predictions: Predictions) -> None:
    flipped = flips.find_flips(predictions, TEST)
    assert [flip.id for flip in flipped] == ["b", "c"]
    assert [flip.lost_at for flip in flipped] == ["student", "onnx"]


def test_a_flip_contains_texts_and_labels(predictions: Predictions) -> None:
    flip = flips.find_flips(predictions, TEST)[1]
    assert (flip.text, flip.text_pair) == ("<b>2", "p2")
    assert (flip.label, flip.answer) == ("cold", "warm")
    assert flip.score == pytest.approx(np.e / (1 + np.e))
    assert flips.flip_table((flip,))[0]["lost_at"] == "onnx"


def test_single_texts_have_no_second_one(predictions: Predictions) -> None:
    single = Split(TEST.ids, TEST.texts, None, TEST.targets)
    assert [flip.text_pair for flip in flips.find_flips(predictions, single)] == [None, None]


@pytest.mark.parametrize("count", [0, 2])
def test_flips_come_back_from_disk(predictions: Predictions, tmp_path: Path, count: int) -> None:
    flipped = flips.find_flips(predictions, TEST)[:count]
    flips.write_flips(flipped, tmp_path)
    assert flips.read_flips(tmp_path) == flipped
