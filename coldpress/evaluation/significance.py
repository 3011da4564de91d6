"""Whether a difference is one: intervals and tests for models that answered the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from coldpress.evaluation.scorecard import Interval

TAIL = 0.025
_ROUNDING = 1e-12


def paired_interval(
    model_right: NDArray[np.bool_], baseline_right: NDArray[np.bool_], classes: NDArray[Any]
) -> Interval:
    """Bootstrap a difference in accuracy: 95 % percentile interval, paired, stratified by class.

    Within each class, rows are resampled with replacement. What a resample changes is how often it
    draws a row that only one of the two models answers rightly, a multinomial count. The
    distribution of the sum over all classes can therefore be written down instead of being drawn
    (the first of the three ways to a bootstrap distribution in Efron, "Bootstrap methods: another
    look at the jackknife", 1979): this is the interval that infinitely many resamples end in, and
    it depends on no seed.

    Args:
        model_right: Whether the model answers each row rightly, shape (rows,).
        baseline_right: The same for the baseline.
        classes: True class of each row, shape (rows,).

    Returns:
        Accuracy of the model minus the baseline's, as fractions of the rows.
    """
    outcome = model_right.astype(np.int64) - baseline_right.astype(np.int64)
    chances = _chances_of_sums(outcome, classes)
    rows = len(outcome)
    low = _tail_end(chances) - rows
    high = rows - _tail_end(chances[::-1])
    return Interval(estimate=float(outcome.mean()), low=low / rows, high=high / rows)


def mcnemar(only_model_right: int, only_baseline_right: int) -> float:
    """Two-sided exact McNemar test of whether two models are equally accurate.

    Args:
        only_model_right: Rows that the model alone answers rightly.
        only_baseline_right: Rows that the baseline alone answers rightly.

    Returns:
        The chance of a split at least as uneven, were both equally good; 1 if they never differ.
    """
    differing = only_model_right + only_baseline_right
    return float(binomtest(only_model_right, differing).pvalue) if differing else 1.0


def accuracy_interval(right: int, rows: int) -> Interval:
    """95 % interval of a single accuracy: Wilson's score interval, without correction.

    Args:
        right: Rows answered rightly.
        rows: All rows.

    Returns:
        Fractions.
    """
    bounds = binomtest(right, rows).proportion_ci(confidence_level=1 - 2 * TAIL, method="wilson")
    return Interval(estimate=right / rows, low=float(bounds.low), high=float(bounds.high))


def _chances_of_sums(outcome: NDArray[np.int64], classes: NDArray[Any]) -> NDArray[np.float64]:
    """Return the chance that a resample sums to -rows, ..., rows, shape (2 rows + 1,).

    A sum's characteristic function is the product of those of its terms: one power a class.
    """
    sums = 2 * len(outcome) + 1
    step = np.exp(-2j * np.pi * np.arange(len(outcome) + 1) / sums)
    spectrum = np.ones_like(step)
    for one in np.unique(classes[outcome != 0]):
        of_class = outcome[classes == one]
        gain, loss = (of_class == 1).mean(), (of_class == -1).mean()
        spectrum *= (1 - gain - loss + gain * step + loss * step.conj()) ** len(of_class)
    return np.roll(np.fft.irfft(spectrum, sums), len(outcome))


def _tail_end(chances: NDArray[np.float64]) -> int:
    """Return the first index at which the chances add up to the tail."""
    return int(np.searchsorted(np.cumsum(chances), TAIL - _ROUNDING))
