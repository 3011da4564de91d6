"""Bounds at operating points: absolute ones by the exact interval, losses by McNemar's test."""

from __future__ import annotations

from typing import Any

import pytest

from coldpress.evaluation.scorecard.operating_point import OperatingPoint, ShareChange
from coldpress.evaluation.statistics.exact_interval import exact_share
from coldpress.gate.point_bounds import PointBounds, check_points
from coldpress.gate.verdict import Check

EQUAL = ShareChange(estimate=0.0, low=0.0, high=0.0, p=1.0)


def point(label: str = "toxic", **also: Any) -> OperatingPoint:  # noqa: ANN401
    """180 of 200 rows with the label are found, 10 of 1000 others are flagged."""
    fields: dict[str, Any] = {
        "label": label,
        "max_false_positive_rate": 0.01,
        "min_precision": None,
        "threshold": 0.25,
        "recall": exact_share(180, 200),
        "false_positive_rate": exact_share(10, 1000),
        "precision": 180 / 190,
        "recall_change": EQUAL,
        "false_positive_rate_change": EQUAL,
    }
    return OperatingPoint(**fields | also)


def only(measured: list[OperatingPoint], **bounds: float) -> Check:
    (check,) = check_points([PointBounds(label="toxic", **bounds)], measured)
    return check


def test_recall_is_bounded_by_the_lower_end_of_its_interval() -> None:
    """90 %, exact interval 84.98 to 93.78."""
    check = only([point()], min_recall=0.84)
    assert (check.name, check.passed) == ("operating_points.0.min_recall", True)
    assert check.value == pytest.approx(0.8498, abs=1e-4)
    assert check.sentence == (
        "At threshold 0.25 of toxic (a false-positive rate of at most 1 % on validation): recall "
        "is 90 % (95 % exact interval 84.98 to 93.78, n = 200); at least 84 % is required."
    )
    assert not only([point()], min_recall=0.87).passed


def test_the_false_positive_rate_is_bounded_by_the_upper_end() -> None:
    """1 %, exact interval 0.48 to 1.83."""
    assert only([point()], max_false_positive_rate=0.019).passed
    check = only([point()], max_false_positive_rate=0.015)
    assert not check.passed
    assert check.value == pytest.approx(0.0183, abs=1e-4)


@pytest.mark.parametrize(("p", "passed"), [(0.01, False), (0.2, True)])
def test_a_loss_of_recall_counts_only_if_it_is_significant(p: float, passed: bool) -> None:
    change = ShareChange(estimate=-0.1, low=-0.15, high=-0.05, p=p)
    check = only([point(recall_change=change)], max_recall_drop=0.05)
    assert (check.passed, check.value) == (passed, 0.1)
    assert "recall differs from the teacher's by -10 points" in check.sentence
    assert only([point(recall_change=change)], max_recall_drop=0.1).passed


def test_p_values_are_adjusted_for_the_number_of_points() -> None:
    """0.03 of two points is 0.06 after Holm's correction."""
    change = ShareChange(estimate=0.1, low=0.05, high=0.15, p=0.03)
    alone = [point(false_positive_rate_change=change)]
    assert not only(alone, max_false_positive_rise=0.05).passed
    assert only([*alone, point("rude")], max_false_positive_rise=0.05).passed


def test_a_point_that_was_not_measured_fails() -> None:
    check = only([], min_recall=0.5)
    assert (check.passed, check.value) == (False, None)
    teacher = point(recall_change=None)
    assert not only([teacher], max_recall_drop=0.5).passed
