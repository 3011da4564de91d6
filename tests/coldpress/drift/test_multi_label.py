"""Drift of a multi-label model: F1 of rows instead of accuracy, frequencies of labels."""

from __future__ import annotations

import numpy as np
import pytest

from coldpress.drift.detect import agreement_scores, detect_drift
from coldpress.drift.observations import Observations
from coldpress.drift.profile import Profile
from coldpress.drift.vocabulary import WordCounts
from coldpress.evaluation.predictions import Predictions
from coldpress.kinds import task_kind

KIND = task_kind("multi-label")
NAMES = ("anger", "fear", "joy")


def observed(rows: int, seed: int, errors: float = 0.05, joy: float = 0.5) -> Observations:
    """Rows whose labels the model gets wrong with a probability of `errors` each."""
    random = np.random.default_rng(seed)
    targets = (random.random((rows, 3)) < [0.1, 0.3, joy]).astype(np.int64)
    margins = np.where(targets == 1, 1.0, -1.0).astype(np.float32)
    wrong = random.random((rows, 3)) < errors
    outputs = {"teacher": margins, "onnx": np.where(wrong, -margins, margins)}
    thresholds = {"teacher": (0.0, 0.0, 0.0), "onnx": (0.0, 0.0, 0.0)}
    ids = tuple(f"{seed}-{n}" for n in range(rows))
    words = WordCounts(random.integers(4, 9, rows), np.zeros(rows, dtype=np.int64))
    embeddings = random.normal(size=(rows, 4)).astype(np.float32)
    predictions = Predictions(ids, KIND, NAMES, targets, outputs, thresholds)
    return Observations(predictions, Profile(words, embeddings))


def test_rows_like_the_test_rows_are_healthy() -> None:
    result = detect_drift("feelings/1", observed(400, 0), observed(300, 1))
    assert result.verdict == "healthy"
    assert result.accuracy is not None
    assert result.accuracy.metric == "example_f1"


def test_more_wrong_labels_are_worse() -> None:
    result = detect_drift("feelings/1", observed(400, 0), observed(300, 1, errors=0.3))
    assert result.verdict == "worse"


def test_other_frequencies_of_labels_are_drift() -> None:
    result = detect_drift("feelings/1", observed(400, 0), observed(300, 1, joy=0.9))
    (labels,) = [test for test in result.drift if test.way == "labels"]
    assert labels.drifted
    assert labels.sentence.startswith("joy changed most, from 49 % of the rows to ")


def test_unlabelled_rows_are_compared_by_their_predicted_labels() -> None:
    fresh = observed(300, 1, joy=0.9)
    predictions = fresh.predictions
    teacher = predictions.outputs["teacher"]
    unlabelled = Predictions(
        predictions.ids, KIND, NAMES, np.zeros(0), {"onnx": predictions.outputs["onnx"]}
    )
    agreement = agreement_scores(predictions, "onnx", teacher, 1.0)
    new = Observations(unlabelled, fresh.profile)
    result = detect_drift("feelings/1", observed(400, 0), new, agreement)
    (answers,) = [test for test in result.drift if test.way == "answers"]
    assert answers.drifted
    assert result.agreement is not None
    assert result.agreement.fresh.estimate == pytest.approx(agreement.mean())
