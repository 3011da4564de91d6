"""An absolute bound of the metric is compared with the lower end of its interval."""

from __future__ import annotations

import pytest

from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.gate.score import check_score


@pytest.mark.parametrize(("bound", "passed"), [(0.9, True), (0.92, True), (0.93, False)])
def test_the_rows_must_show_the_score(bound: float, passed: bool) -> None:
    check = check_score(Interval(estimate=0.94, low=0.92, high=0.96), bound, "accuracy")
    assert (check.passed, check.value, check.bound) == (passed, 0.92, bound)
    expected = "Its accuracy is 94 % (95 % interval 92 to 96); the lower end must be at least"
    assert check.sentence.startswith(expected)
