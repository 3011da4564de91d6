"""The threshold of an operating point, on rows that are sorted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from coldpress.evaluation.operating_points.section import OperatingPointSection
from coldpress.evaluation.operating_points.threshold import choose_thresholds
from coldpress.kinds import KINDS

KIND = KINDS["text-classification"]
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
TOXIC = np.array([1, 1, 0, 1, 0, 0])


def chosen(scores: np.ndarray, **condition: float) -> float:
    section = OperatingPointSection(label="toxic", **condition)
    logits = np.log(np.stack([1 - scores, scores], axis=1))
    (threshold,) = choose_thresholds([section], KIND, ("clean", "toxic"), logits, TOXIC)
    return threshold


@pytest.mark.parametrize(
    ("rate", "threshold"),
    [(0.0, 0.75), (0.32, 0.75), (1 / 3, 0.55), (0.7, 0.45), (1.0, 0.2)],
)
def test_as_many_rows_without_the_label_are_above_as_the_rate_allows(
    rate: float, threshold: float
) -> None:
    """Three rows are without: at 0.7, 0.5 and 0.4."""
    assert chosen(SCORES, max_false_positive_rate=rate) == pytest.approx(threshold)


@pytest.mark.parametrize(
    ("precision", "threshold"), [(1.0, 0.75), (0.75, 0.55), (0.6, 0.45), (0.5, 0.2)]
)
def test_the_smallest_threshold_with_the_precision_is_chosen(
    precision: float, threshold: float
) -> None:
    """2 of 2, 2 of 3, 3 of 4, 3 of 5, 3 of 6: precision rises again at the fourth row."""
    assert chosen(SCORES, min_precision=precision) == pytest.approx(threshold)


def test_rows_with_equal_scores_are_on_the_same_side() -> None:
    scores = np.array([0.9, 0.7, 0.7, 0.6, 0.5, 0.4])
    assert chosen(scores, max_false_positive_rate=0.0) == pytest.approx(0.8)


def test_without_such_a_threshold_it_is_1() -> None:
    assert chosen(1 - SCORES, max_false_positive_rate=0.0) == 1
    assert chosen(1 - SCORES, min_precision=0.9) == 1
