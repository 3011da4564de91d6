"""Exact intervals, compared with published values and another package."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from coldpress.evaluation.statistics.exact_interval import exact_share


def test_nothing_of_ten_rows_may_be_up_to_31_percent() -> None:
    """1 - 0.025^(1/10)."""
    share = exact_share(0, 10)
    assert (share.n, share.estimate, share.low) == (10, 0, 0)
    assert share.high == pytest.approx(0.3085, abs=1e-4)
    assert exact_share(10, 10).low == pytest.approx(1 - 0.3085, abs=1e-4)
    assert exact_share(10, 10).high == 1


@pytest.mark.parametrize(("count", "rows"), [(1, 10), (15, 263), (99, 100)])
def test_it_is_the_interval_of_scipy(count: int, rows: int) -> None:
    expected = binomtest(count, rows).proportion_ci(method="exact")
    share = exact_share(count, rows)
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high))
