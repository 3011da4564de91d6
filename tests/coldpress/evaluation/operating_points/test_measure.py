"""Operating points of two models on rows whose counts are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from coldpress.data.encoding import EncodedSplit
from coldpress.data.splits import Split
from coldpress.evaluation.candidate import Candidate
from coldpress.evaluation.operating_points.measure import measure_points
from coldpress.evaluation.operating_points.section import OperatingPointSection
from coldpress.evaluation.predictions import Predictions
from coldpress.gate.point_bounds import PointBounds, check_points
from coldpress.kinds import KINDS

TOXIC = OperatingPointSection(label="toxic", max_false_positive_rate=0.25)
TARGETS = np.array([1, 1, 1, 0, 0, 0, 0])
VALIDATION = Split(("a", "b", "c", "d"), ("a", "b", "c", "d"), None, (1, 0, 0, 0))
NO_ROWS = EncodedSplit((), (), np.zeros(0, dtype=np.int64), truncated=0, pad_id=0)


def candidate(
    name: str, validation: list[float], thresholds: tuple[float, ...] | None
) -> Candidate:
    """A model that gives the validation rows these probabilities of the label."""
    return Candidate(
        name=name,
        parent=None,
        runtime="onnxruntime",
        test=NO_ROWS,
        encode=lambda split: replace(NO_ROWS, targets=split.target_array),
        outputs=lambda _: logits(validation),
        forward=None,
        end_to_end=None,
        bytes=1,
        parameters=1,
        macs_per_token=1,
        point_thresholds=thresholds,
    )


def test_recall_and_false_positive_rate_are_counted_and_compared_with_the_teachers() -> None:
    """The teacher finds all three and flags one of four; the model finds one and flags none.

    The teacher's threshold is chosen on validation, the model's is stored in its file.
    """
    teacher = logits([0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1])
    final = logits([0.9, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1])
    outputs = {"teacher": teacher, "onnx": final}
    ids = tuple(map(str, range(7)))
    labels = ("clean", "toxic")
    predictions = Predictions(ids, KINDS["text-classification"], labels, TARGETS, outputs)
    models = [
        candidate("teacher", [0.9, 0.82, 0.3, 0.2], None),
        candidate("onnx", [0.5, 0.5, 0.5, 0.5], (0.6,)),
    ]
    points = measure_points([TOXIC], models, predictions, VALIDATION)
    (theirs,), (ours,) = points["teacher"], points["onnx"]
    assert theirs.threshold == pytest.approx(0.86)
    assert (theirs.recall.estimate, theirs.false_positive_rate.estimate) == (1, 1 / 4)
    assert theirs.recall_change is None
    assert (ours.threshold, ours.precision) == (0.6, 1)
    assert (ours.recall.n, ours.recall.estimate) == (3, 1 / 3)
    assert ours.false_positive_rate.estimate == 0
    assert ours.recall_change is not None
    assert ours.recall_change.estimate == pytest.approx(-2 / 3)
    assert ours.recall_change.p == 1 / 4
    assert ours.false_positive_rate_change is not None
    assert ours.false_positive_rate_change.estimate == -1 / 4
    assert ours.false_positive_rate_change.p == 1


def test_an_entity_type_is_counted_by_text() -> None:
    """Four texts of two words: three with a person, of one or two words, and one without.

    The teacher finds every word. The model finds both words of the first person, one of the two
    words of the second, and not the third; it flags a word of the text without a person.
    """
    kind = KINDS["token-classification"]
    targets = np.array([[1, 0], [2, 0], [1, 1], [2, 1], [1, 2], [0, 2], [0, 3], [0, 3]])
    outputs = {
        "teacher": tag_logits([0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1]),
        "onnx": tag_logits([0.9, 0.7, 0.9, 0.5, 0.3, 0.1, 0.1, 0.8]),
    }
    ids = tuple("abcd")
    names = ("O", "B-person", "I-person")
    predictions = Predictions(ids, kind, names, targets, outputs, units=(2, 2, 2, 2))
    models = [
        tag_candidate("teacher", [0.9, 0.95, 0.5, 0.1]),
        tag_candidate("onnx", [0.9, 0.95, 0.1, 0.3]),
    ]
    person = OperatingPointSection(label="person", max_false_positive_rate=0.0)
    points = measure_points([person], models, predictions, VALIDATION_WORDS)
    (theirs,), (ours,) = points["teacher"], points["onnx"]
    # Validation: the highest word of the text with a person, that of the text without.
    assert (theirs.threshold, ours.threshold) == pytest.approx((0.725, 0.625))
    assert (theirs.recall.n, theirs.recall.estimate) == (3, 1)
    assert (theirs.false_positive_rate.n, theirs.false_positive_rate.estimate) == (1, 0)
    assert ours.recall.estimate == 1 / 3
    # Clopper & Pearson: one of three.
    assert (ours.recall.low, ours.recall.high) == pytest.approx((0.0084, 0.9057), abs=1e-4)
    assert ours.false_positive_rate.estimate == 1
    # Flagged are the first two texts, found or not, and the fourth.
    assert ours.precision == pytest.approx(2 / 3)
    assert ours.recall_change is not None
    assert ours.recall_change.estimate == pytest.approx(-2 / 3)
    assert ours.recall_change.p == 1 / 4
    # The gate reads the lower end of the interval, and three texts show no loss.
    bounds = PointBounds(label="person", min_recall=0.005, max_recall_drop=0.1)
    assert [check.passed for check in check_points([bounds], [ours])] == [True, True]
    (recall,) = check_points([PointBounds(label="person", min_recall=0.01)], [ours])
    assert not recall.passed


VALIDATION_WORDS = Split(
    ("a", "b"), ("a b", "c d"), None, ((1, 2), (0, 0)), words=(((0, 1), (2, 3)),) * 2
)
"""A text with a person of two words, and a text without."""


def tag_candidate(name: str, validation: list[float]) -> Candidate:
    """A model that gives the validation words these probabilities of a person."""
    return replace(candidate(name, [], None), outputs=lambda _: tag_logits(validation))


def tag_logits(probabilities: list[float]) -> np.ndarray:
    """Logits of words, a third of whose probability of a person is that of the first tag."""
    values = np.array(probabilities)
    logits: np.ndarray = np.log(np.stack([1 - values, values / 3, 2 * values / 3], axis=1))
    return logits.astype(np.float32)


def logits(probabilities: list[float]) -> np.ndarray:
    values = np.array(probabilities)
    return np.stack([np.zeros(len(values)), np.log(values / (1 - values))], axis=1).astype(
        np.float32
    )
