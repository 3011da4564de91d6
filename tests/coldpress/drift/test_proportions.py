from __future__ import annotations

import numpy as np
import pytest

from coldpress.drift.proportions import compare_shares


def test_the_interval_is_newcombes() -> None:
    """Table II, example (a) of Newcombe 1998: 56 of 70 against 48 of 80, method 10."""
    change = compare_shares(np.arange(70) < 56, np.arange(80) < 48)
    assert (change.n, change.fresh.estimate, change.before.estimate) == (70, 0.8, 0.6)
    assert change.difference.estimate == pytest.approx(0.2)
    assert (change.difference.low, change.difference.high) == pytest.approx(
        (0.0524, 0.3339), abs=5e-5
    )


def test_zero_of_few_rows_is_not_certain() -> None:
    """Example (g): 10 of 10 against 0 of 20."""
    change = compare_shares(np.ones(10, dtype=bool), np.zeros(20, dtype=bool))
    assert (change.difference.low, change.difference.high) == pytest.approx((0.6791, 1.0), abs=5e-5)
