"""Metrics worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from coldpress.evaluation import metrics
from coldpress.evaluation.scorecard.scorecard import ClassScore

LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 1, 0])


def test_accuracy_is_the_share_of_right_answers() -> None:
    assert metrics.accuracy(PREDICTED, LABELS) == pytest.approx(4 / 6)


def test_macro_f1_is_the_mean_over_classes_however_rare() -> None:
    assert metrics.macro_f1(PREDICTED, LABELS) == pytest.approx((2 / 3 + 0.8 + 0) / 3)


def test_each_class_has_its_scores_and_none_where_there_is_no_denominator() -> None:
    scores = metrics.per_class(PREDICTED, LABELS, ("a", "b", "never answered", "never asked"))
    assert scores["a"].model_dump() == pytest.approx(
        {"n": 3, "precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3}
    )
    assert scores["b"].model_dump() == pytest.approx(
        {"n": 2, "precision": 2 / 3, "recall": 1.0, "f1": 0.8}
    )
    assert scores["never answered"] == ClassScore(n=1, precision=None, recall=0.0, f1=0.0)
    assert scores["never asked"] == ClassScore(n=0, precision=None, recall=None, f1=None)


def test_agreement_counts_common_mistakes_too() -> None:
    assert metrics.agreement(np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2])) == 0.75


def test_retention_is_a_ratio_of_accuracies() -> None:
    assert metrics.retention(0.94, 0.95) == pytest.approx(0.98947368)
    assert metrics.retention(0.5, 0.0) is None
