"""Drift of a regression model: closeness instead of accuracy, numbers instead of labels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ttest_ind

from coldpress.drift.accuracy import compare_accuracy
from coldpress.drift.detect import agreement_scores, detect_drift
from coldpress.drift.observations import Observations
from coldpress.drift.profile import Profile
from coldpress.drift.proportions import compare_means
from coldpress.drift.targets import target_shift
from coldpress.drift.vocabulary import WordCounts
from coldpress.evaluation.predictions import Predictions
from coldpress.kinds import task_kind

REGRESSION = task_kind("regression")


def observed(rows: int, seed: int, error: float = 0.1, shift: float = 0.0) -> Observations:
    """Rows with targets from 0 to 5, which the model misses by `error`."""
    random = np.random.default_rng(seed)
    targets = random.uniform(0, 5, rows) + shift
    outputs = {
        "teacher": (targets + random.normal(0, 0.1, rows)).astype(np.float32)[:, None],
        "onnx": (targets + random.normal(0, error, rows)).astype(np.float32)[:, None],
    }
    ids = tuple(f"{seed}-{n}" for n in range(rows))
    counts = random.integers(4, 9, rows)
    words = WordCounts(counts, np.zeros(rows, dtype=np.int64))
    embeddings = random.normal(size=(rows, 4)).astype(np.float32)
    predictions = Predictions(ids, REGRESSION, ("score",), targets, outputs)
    return Observations(predictions, Profile(words, embeddings))


def test_rows_like_the_test_rows_are_healthy() -> None:
    result = detect_drift("sts/1", observed(400, 0), observed(300, 1))
    assert result.verdict == "healthy"
    assert result.accuracy is not None
    assert result.accuracy.metric == "closeness"
    assert result.accuracy.sentence.startswith("Closeness on 300 rows outside its test split is ")


def test_larger_errors_are_worse() -> None:
    result = detect_drift("sts/1", observed(400, 0), observed(300, 1, error=1.0))
    assert result.verdict == "worse"


def test_other_numbers_are_drift() -> None:
    result = detect_drift("sts/1", observed(400, 0), observed(300, 1, shift=2.0))
    (labels,) = [test for test in result.drift if test.way == "labels"]
    assert labels.drifted
    assert labels.sentence.startswith("The median changed from 2.")


def test_the_same_rows_are_compared_pairwise() -> None:
    before = observed(200, 0)
    result = detect_drift("sts/1", before, before)
    assert result.accuracy is not None
    assert result.accuracy.same is not None
    assert (result.accuracy.same.n, result.accuracy.others) == (200, None)
    assert result.accuracy.same.difference.estimate == 0
    assert result.verdict == "healthy"


def test_a_loss_on_three_of_the_same_rows_is_no_evidence() -> None:
    """All three lose 2 to 4 points, as one in eight of equally good models would."""
    before = np.array([0.90, 0.92, 0.94])
    changed = compare_accuracy(scored(before), scored(before - np.array([0.02, 0.03, 0.04])))
    assert changed.same is not None
    assert changed.same.difference.high < 0
    assert not changed.worse


def test_a_loss_on_twelve_of_the_same_rows_is() -> None:
    before = np.linspace(0.80, 0.91, 12)
    assert compare_accuracy(scored(before), scored(before - np.linspace(0.02, 0.04, 12))).worse


def scored(closeness: NDArray[np.float64]) -> Predictions:
    """Predictions with these scores for targets of which the range is 1."""
    targets = np.linspace(0.0, 1.0, len(closeness))
    outputs = (targets + 1 - closeness).astype(np.float32)[:, None]
    ids = tuple(f"row-{n}" for n in range(len(closeness)))
    return Predictions(ids, REGRESSION, ("score",), targets, {"teacher": outputs, "onnx": outputs})


def test_few_new_rows_have_a_wide_interval() -> None:
    fresh = np.array([0.69, 0.71])
    before = np.array([0.7, 0.8, 0.8, 0.9, 0.9])
    difference = compare_means(fresh, before).difference
    expected = ttest_ind(fresh, before, equal_var=False).confidence_interval()
    assert difference.estimate == pytest.approx(-0.12)
    assert (difference.low, difference.high) == pytest.approx((expected.low, expected.high))
    assert compare_means(fresh[:1], before).difference.high > 1


def test_agreement_is_the_closeness_to_the_teachers_numbers() -> None:
    predictions = observed(3, 0).predictions
    teacher = predictions.outputs["onnx"] + np.array([[0.0], [1.0], [-2.5]], dtype=np.float32)
    scores = agreement_scores(predictions, "onnx", teacher, 5.0)
    assert np.allclose(scores, [1.0, 0.8, 0.5], atol=1e-6)


def test_a_shift_is_the_largest_distance_of_the_distributions() -> None:
    shift = target_shift(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.5, 4.5, 5.0, 6.0]))
    assert shift.effect == 0.75
    assert shift.sentence == "The median changed from 2.5 to 4.75."
