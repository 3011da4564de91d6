"""Rows that compression lost, and where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coldpress.data.splits import Split
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.subgroups import flips

TEST = Split(
    tuple("abcde"),
    ("t0", "t1", "<b>2", "t3", "t4"),
    ("p0", "p1", "p2", "p3", "p4"),
    (0, 0, 0, 0, 0),
)


@pytest.fixture
def answers() -> Predictions:
    """Five rows of class 0. Row 2 is lost by the student, found again, and lost for good."""
    right = {
        "teacher": (1, 1, 1, 0, 1),
        "student": (1, 0, 0, 0, 1),
        "pruned": (1, 0, 1, 1, 1),
        "onnx": (1, 0, 0, 0, 1),
    }
    logits = {
        name: np.array([[3, 2] if one else [0, 1] for one in of_rows], dtype=np.float32)
        for name, of_rows in right.items()
    }
    return Predictions(TEST.ids, ("cold", "warm"), np.zeros(5, dtype=np.int64), logits)


def test_lost_is_what_the_teacher_knows_and_the_final_model_does_not(answers: Predictions) -> None:
    lost = flips.find_flips(answers, TEST)
    assert [flip.id for flip in lost] == ["b", "c"]
    assert [flip.lost_at for flip in lost] == ["student", "onnx"]


def test_a_flip_says_what_was_asked_and_what_was_answered(answers: Predictions) -> None:
    flip = flips.find_flips(answers, TEST)[1]
    assert (flip.text, flip.text_pair) == ("<b>2", "p2")
    assert (flip.label, flip.answer) == ("cold", "warm")
    assert flip.score == pytest.approx(np.e / (1 + np.e))
    assert flips.flip_table((flip,))[0]["lost_at"] == "onnx"


def test_single_texts_have_no_second_one(answers: Predictions) -> None:
    single = Split(TEST.ids, TEST.texts, None, TEST.labels)
    assert [flip.text_pair for flip in flips.find_flips(answers, single)] == [None, None]


@pytest.mark.parametrize("count", [0, 2])
def test_flips_come_back_from_disk(answers: Predictions, tmp_path: Path, count: int) -> None:
    lost = flips.find_flips(answers, TEST)[:count]
    flips.write_flips(lost, tmp_path)
    assert flips.read_flips(tmp_path) == lost
