"""Scores of classes worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from coldpress.evaluation import metrics
from coldpress.evaluation.scorecard.scorecard import ClassScore

LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 1, 0])


def test_each_class_has_its_scores_and_none_where_there_is_no_denominator() -> None:
    scores = metrics.per_class(PREDICTED, LABELS, ("a", "b", "never answered", "never asked"))
    assert scores["a"].model_dump(exclude_none=True) == pytest.approx(
        {"n": 3, "precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3}
    )
    assert scores["b"].model_dump(exclude_none=True) == pytest.approx(
        {"n": 2, "precision": 2 / 3, "recall": 1.0, "f1": 0.8}
    )
    assert scores["never answered"] == ClassScore(n=1, precision=None, recall=0.0, f1=0.0)
    assert scores["never asked"] == ClassScore(n=0, precision=None, recall=None, f1=None)


def test_retention_is_a_ratio_of_positive_scores() -> None:
    assert metrics.retention(0.94, 0.95) == pytest.approx(0.98947368)
    assert metrics.retention(0.5, 0.0) is None
    assert metrics.retention(0.5, -0.1) is None


def test_labels_of_which_each_is_present_or_not_have_the_same_scores() -> None:
    """The first label is predicted in two rows and present in one of them; the second never."""
    predicted = np.array([[1, 0], [1, 0], [0, 0]])
    labels = np.array([[1, 0], [0, 1], [0, 0]])
    scores = metrics.per_class(predicted, labels, ("a", "b"))
    assert scores["a"] == ClassScore(n=1, precision=0.5, recall=1.0, f1=2 / 3)
    assert scores["b"] == ClassScore(n=1, precision=None, recall=0.0, f1=0.0)


def test_ranking_average_precision_is_the_share_of_true_labels_above_each_true_one() -> None:
    """First row: the true label is second of three: 1/2. Second: ranks 1 and 3: (1 + 2/3) / 2."""
    logits = np.array([[2.0, 1.0, 0.0], [3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    labels = np.array([[0, 1, 0], [1, 0, 1], [0, 0, 0]])
    expected = (1 / 2 + 5 / 6 + 1) / 3
    assert metrics.ranking_average_precision(logits, labels) == pytest.approx(expected)
