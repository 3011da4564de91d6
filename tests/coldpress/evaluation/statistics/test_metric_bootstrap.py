"""Bootstrap of metrics without a closed form, against theory and by hand."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from scipy.stats import bootstrap, spearmanr

from coldpress.evaluation.statistics import metric_bootstrap
from coldpress.kinds import task_kind

REGRESSION = task_kind("regression")


def test_the_interval_of_a_correlation_is_that_of_scipy() -> None:
    random = np.random.default_rng(1)
    targets = random.normal(size=300)
    outputs = targets + random.normal(size=300)
    interval = metric_bootstrap.metric_interval(REGRESSION, outputs[:, None], targets)
    expected = bootstrap(
        (outputs, targets),
        lambda first, second: spearmanr(first, second).statistic,
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=2000,
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert interval.estimate == pytest.approx(spearmanr(outputs, targets).statistic)
    assert interval.low == pytest.approx(expected.low, abs=0.01)
    assert interval.high == pytest.approx(expected.high, abs=0.01)


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    random = np.random.default_rng(3)
    model = random.uniform(0.5, 0.9, 400)
    baseline = random.uniform(0.5, 0.9, 400)
    interval = metric_bootstrap.mean_difference(model, baseline)
    spread = (model - baseline).std(ddof=1) / math.sqrt(400)
    assert interval.estimate == pytest.approx((model - baseline).mean())
    assert interval.low == pytest.approx(interval.estimate - 1.96 * spread, abs=spread / 5)
    assert interval.high == pytest.approx(interval.estimate + 1.96 * spread, abs=spread / 5)


def test_a_lost_row_of_three_is_no_significant_loss() -> None:
    """Of the eight sign patterns only the observed one has a mean as low: p = 1 / 8."""
    model = np.array([0.2, 0.3, 0.4])
    baseline = np.array([0.3, 0.5, 0.7])
    assert metric_bootstrap.loss_p_value(model, baseline) == pytest.approx(1 / 8, abs=0.01)


def test_equal_models_and_better_ones_have_lost_nothing() -> None:
    scores = np.linspace(0.1, 0.9, 30)
    assert metric_bootstrap.loss_p_value(scores, scores) == 1.0
    assert metric_bootstrap.loss_p_value(scores + 0.05, scores) == 1.0
    assert metric_bootstrap.loss_p_value(scores - 0.05, scores) < 0.001


def test_a_loss_is_detectable_if_it_exceeds_the_spread_of_the_rows() -> None:
    """Differences 0.1 and -0.1 in 50 rows each: standard error 0.01005, times 1.645."""
    baseline = np.full(100, 0.5)
    model = baseline + np.tile([0.1, -0.1], 50)
    loss = metric_bootstrap.detectable_loss(model, baseline, 0.05)
    assert loss == pytest.approx(1.645 * 0.1 * math.sqrt(100 / 99) / 10, rel=1e-3)


def test_no_loss_is_detectable_in_a_handful_of_rows() -> None:
    """If all rows lose, the chance of it is 1 / 2^n: 0.0625 for four rows, 0.031 for five."""
    baseline = np.full(5, 0.5)
    model = baseline - np.array([0.1, 0.2, 0.1, 0.2, 0.1])
    assert metric_bootstrap.detectable_loss(model[:4], baseline[:4], 0.05) is None
    assert metric_bootstrap.detectable_loss(model, baseline, 0.05) is not None


@pytest.mark.parametrize(("rows", "margin"), [(5, 0.4345), (200, 0.0188)])
def test_equal_rankings_are_as_certain_as_the_rows_are_many(rows: int, margin: float) -> None:
    """All resamples are equal: z^2 / (n + z^2) with z = 1.96."""
    targets = np.arange(rows, dtype=np.float64)
    outputs = targets[::-1, None] ** 2
    interval = metric_bootstrap.metric_difference(REGRESSION, outputs, 2 * outputs, targets)
    assert interval.estimate == 0
    assert interval.low == pytest.approx(-margin, abs=1e-4)
    assert interval.high == pytest.approx(margin, abs=1e-4)


def test_a_perfect_correlation_has_an_interval_below_it() -> None:
    targets = np.arange(30, dtype=np.float64)
    interval = metric_bootstrap.metric_interval(REGRESSION, targets[:, None], targets)
    assert (interval.estimate, interval.high) == (1.0, 1.0)
    assert interval.low == pytest.approx(1 - 0.1135, abs=1e-4)


def test_a_single_row_says_little_about_a_mean() -> None:
    interval = metric_bootstrap.mean_difference(np.array([0.7]), np.array([0.9]))
    assert interval.low < -0.9
    assert interval.high > 0.5


def test_many_rows_take_little_memory() -> None:
    """Together, 2,000 resamples of 10,000 rows are 160 MB, and 10,000 rows of signs 800 MB."""
    random = np.random.default_rng(5)
    model, baseline = random.uniform(size=(2, 10_000))
    tracemalloc.start()
    metric_bootstrap.mean_difference(model, baseline)
    metric_bootstrap.loss_p_value(model, baseline)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6
