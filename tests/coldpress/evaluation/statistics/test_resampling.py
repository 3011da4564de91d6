"""Bootstrap over samples of several units, against scipy and by enumeration of all resamples."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import bootstrap

from coldpress.evaluation.statistics import metric_bootstrap
from coldpress.evaluation.statistics.resampling import SampleUnits, draw_samples, draw_weights
from coldpress.kinds.additive import AdditiveKind
from coldpress.kinds.kind import Outputs, TargetArray
from coldpress.kinds.regression import Regression


class ShareOfPoints(Regression):
    """Points that were won, over points to win; a unit's targets are its sample and its points."""

    def samples(self, targets: TargetArray) -> NDArray[np.int64]:
        """Number of each unit's sample."""
        return targets[:, 0].astype(np.int64)

    def main_score(self, outputs: Outputs, targets: TargetArray) -> float:
        """Share of the points of all units."""
        return float((outputs[:, 0] * targets[:, 1]).sum() / targets[:, 1].sum())


class AdditiveShareOfPoints(ShareOfPoints):
    """The same from sums over samples: points won and points to win."""

    def counts(self, outputs: Outputs, targets: TargetArray) -> NDArray[np.float64]:
        """Points won and points to win, shape (samples, 2)."""
        points = targets[:, 1]
        columns = (outputs[:, 0] * points, points)
        samples = self.samples(targets)
        return np.stack([np.bincount(samples, weights=column) for column in columns], axis=1)

    def score_of_counts(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ratio of the sums."""
        return counts[..., 0] / counts[..., 1]


def random_units(samples: int, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Outputs that are the shares won of 1 to 6 units per sample, and their targets."""
    random = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(samples), random.integers(1, 7, samples))
    ability = random.normal(0, 0.1, samples)[numbers]  # units of a sample are alike
    won = np.clip(0.7 + ability + random.normal(0, 0.1, len(numbers)), 0, 1)
    points = random.integers(1, 4, len(numbers))
    return won[:, None], np.stack([numbers, points], axis=1)


def test_the_interval_over_samples_is_that_of_scipy() -> None:
    """A ratio of sums over 400 samples; 100,000 resamples of scipy leave no noise of their own."""
    won, targets = random_units(400, seed=1)
    kind = AdditiveShareOfPoints()
    interval = metric_bootstrap.metric_interval(kind, won, targets)
    sums = kind.counts(won, targets)
    expected = bootstrap(
        (sums[:, 0], sums[:, 1]),
        lambda first, second, axis: first.sum(axis=axis) / second.sum(axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=100_000,
        batch=10_000,
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert interval.estimate == pytest.approx((won[:, 0] * targets[:, 1]).sum() / sums[:, 1].sum())
    assert interval.low == pytest.approx(expected.low, abs=0.001)
    assert interval.high == pytest.approx(expected.high, abs=0.001)


@pytest.mark.parametrize("kind", [ShareOfPoints(), AdditiveShareOfPoints()])
def test_the_interval_of_five_samples_is_that_of_all_resamples(kind: ShareOfPoints) -> None:
    """Of five samples there are 5^5 = 3,125 resamples; their quantiles are known exactly."""
    won = np.array([1.0, 1.0, 0.0, 0.5, 0.0, 1.0, 0.0, 1.0])[:, None]
    targets = np.array([[0, 1], [0, 1], [0, 1], [1, 2], [2, 1], [3, 3], [4, 1], [4, 1]])
    sums = AdditiveShareOfPoints().counts(won, targets)
    assert sums.tolist() == [[2, 3], [1, 2], [0, 1], [3, 3], [1, 2]]
    resamples = [sums[list(drawn)].sum(axis=0) for drawn in product(range(5), repeat=5)]
    low, high = np.quantile([first / second for first, second in resamples], [0.025, 0.975])
    interval = metric_bootstrap.metric_interval(kind, won, targets)
    assert interval.estimate == 7 / 11
    assert interval.low == pytest.approx(low, abs=0.001)
    assert interval.high == pytest.approx(high, abs=0.001)


def test_resampling_units_would_claim_too_much_certainty() -> None:
    """The units of a sample are copies: 50 samples, not 400 rows, are independent."""
    random = np.random.default_rng(3)
    won = np.repeat(random.uniform(size=50), 8)[:, None]
    targets = np.stack([np.repeat(np.arange(50), 8), np.ones(400, dtype=np.int64)], axis=1)
    by_sample = metric_bootstrap.metric_interval(AdditiveShareOfPoints(), won, targets)
    every_unit = np.stack([np.arange(400), targets[:, 1]], axis=1)
    by_unit = metric_bootstrap.metric_interval(AdditiveShareOfPoints(), won, every_unit)
    ratio = (by_sample.high - by_sample.low) / (by_unit.high - by_unit.low)
    assert ratio == pytest.approx(np.sqrt(8), rel=0.1)


def test_both_models_are_evaluated_on_the_same_resamples() -> None:
    """A model that wins a tenth less of every point: a certain loss, though shares vary."""
    won, targets = random_units(60, seed=4)
    for kind in (ShareOfPoints(), AdditiveShareOfPoints()):
        difference = metric_bootstrap.metric_difference(kind, won - 0.1, won, targets)
        assert difference.estimate == pytest.approx(-0.1)
        assert difference.low == pytest.approx(-0.1, abs=1e-9)
        assert difference.high == pytest.approx(-0.1, abs=1e-9)


def test_a_kind_is_additive_if_it_has_both_methods() -> None:
    assert isinstance(AdditiveShareOfPoints(), AdditiveKind)
    assert not isinstance(ShareOfPoints(), AdditiveKind)


def test_a_sample_that_is_drawn_twice_brings_its_units_twice() -> None:
    units = SampleUnits.from_numbers(np.array([1, 0, 1, 2]))
    assert len(units) == 3
    assert units.take(np.array([1, 1, 2])).tolist() == [0, 2, 0, 2, 3]
    assert units.take(np.array([0])).tolist() == [1]


def test_rows_are_drawn_as_they_are_if_each_is_a_sample() -> None:
    units = SampleUnits.from_numbers(np.arange(7))
    drawn = next(draw_samples(7))
    assert units.take(drawn).tolist() == drawn.tolist()


def test_weights_are_multinomial() -> None:
    """Of 4 samples each is drawn once on average, with variance 4 * 1/4 * 3/4."""
    weights = np.concatenate(list(draw_weights(4)))
    assert weights.shape == (2000, 4)
    assert (weights.sum(axis=1) == 4).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(4), abs=0.07)
    assert weights.var(axis=0) == pytest.approx(np.full(4, 0.75), abs=0.08)
