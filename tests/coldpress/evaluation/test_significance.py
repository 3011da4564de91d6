"""Intervals and tests, worked out by hand, published, or drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from coldpress.evaluation.scorecard import Interval
from coldpress.evaluation.significance import accuracy_interval, mcnemar, paired_interval

Rows = list[tuple[bool, bool, int]]


def _interval(rows: Rows) -> Interval:
    model, baseline, classes = (np.array(column) for column in zip(*rows, strict=True))
    return paired_interval(model, baseline, classes)


def _drawn(rows: Rows, seed: int) -> NDArray[np.float64]:
    """Resample rows within their classes, 10,000 times, and return the two bounds."""
    random = np.random.default_rng(seed)
    model, baseline, classes = (np.array(column) for column in zip(*rows, strict=True))
    outcome = model.astype(int) - baseline.astype(int)
    sums = np.zeros(10_000)
    for one in np.unique(classes):
        sums += random.choice(outcome[classes == one], (10_000, (classes == one).sum())).sum(1)
    return np.quantile(sums / len(rows), [0.025, 0.975])


def test_one_gain_in_four_rows_resamples_as_a_binomial_of_four() -> None:
    # P(0 of 4) = 0.316, so low is 0. P(more than 2) = 0.051, P(more than 3) = 0.004: high is 3.
    rows: Rows = [(True, False, 0), (True, True, 0), (False, False, 0), (True, True, 0)]
    assert _interval(rows) == Interval(estimate=0.25, low=0.0, high=0.75)


def test_a_loss_is_a_gain_seen_from_the_other_side() -> None:
    rows: Rows = [(False, True, 0), (True, True, 0), (False, False, 0), (True, True, 0)]
    assert _interval(rows) == Interval(estimate=-0.25, low=-0.75, high=0.0)


def test_classes_keep_their_rows_in_every_resample() -> None:
    rows: Rows = [(True, False, 0), (True, False, 0), (True, True, 1), (False, False, 1)]
    assert _interval(rows) == Interval(estimate=0.5, low=0.5, high=0.5)


def test_it_is_what_ten_thousand_drawn_resamples_come_to() -> None:
    random = np.random.default_rng(5)
    rows: Rows = [
        (bool(random.random() < 0.9), bool(random.random() < 0.92), int(random.integers(6)))
        for _ in range(500)
    ]
    interval = _interval(rows)
    for seed in range(3):
        assert _drawn(rows, seed) == pytest.approx(
            [interval.low, interval.high], abs=1 / 500 + 1e-9
        )


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), min_size=1))
def test_swapping_the_models_mirrors_the_interval(rows: Rows) -> None:
    interval = _interval(rows)
    mirrored = _interval([(baseline, model, one) for model, baseline, one in rows])
    assert mirrored.low == pytest.approx(-interval.high)
    assert mirrored.high == pytest.approx(-interval.low)
    assert -1 <= interval.low <= interval.high <= 1


def test_mcnemar_on_the_transplanted_children_of_fagerland_2013() -> None:
    # "The McNemar test for binary matched-pairs data", table 1: 1 and 7 discordant, p = 0.070.
    assert mcnemar(1, 7) == pytest.approx(2 * (1 + 8) / 2**8)
    assert mcnemar(7, 1) == mcnemar(1, 7)


def test_models_that_never_differ_are_not_told_apart() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(4, 4) == 1.0


@pytest.mark.parametrize(
    ("right", "rows", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)],
)
def test_accuracy_intervals_of_newcombe_1998(
    right: int, rows: int, low: float, high: float
) -> None:
    # "Two-sided confidence intervals for the single proportion", table I, method 3.
    interval = accuracy_interval(right, rows)
    assert interval.estimate == right / rows
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)
