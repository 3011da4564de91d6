"""Whether a difference is one: intervals and tests for models that answered the same rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from coldpress.evaluation.scorecard.scorecard import Comparison, Interval
from coldpress.evaluation.statistics.bootstrap import Cells, Labels, macro_f1_differences

Alternative = Literal["two-sided", "less"]

SIGNIFICANCE_LEVEL = 0.05
TAIL = SIGNIFICANCE_LEVEL / 2
RESAMPLES = 10_000
NO_DIFFERENCE = Interval(estimate=0.0, low=0.0, high=0.0)
"""Of a model from itself: known, however few the rows."""

_TOLERANCE = 1e-12


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

    Where no class has rows of more than one outcome, resamples cannot differ and the bootstrap
    would claim certainty, of 7 rows as of 7000. There the ends come from Wilson intervals of the
    shares of rows won and of rows lost, squared and added (Newcombe, "Interval estimation for the
    difference between independent proportions", 1998, method 10).

    Args:
        model_right: Whether the model answers each row rightly, shape (rows,).
        baseline_right: The same for the baseline.
        classes: True class of each row, shape (rows,).

    Returns:
        Accuracy of the model minus the baseline's, as fractions of the rows.
    """
    outcome = model_right.astype(np.int64) - baseline_right.astype(np.int64)
    chances = _sum_probabilities(outcome, classes)
    rows = len(outcome)
    low = _tail_index(chances) - rows
    high = rows - _tail_index(chances[::-1])
    if low == high:
        return _newcombe_interval(outcome)
    return Interval(estimate=float(outcome.mean()), low=low / rows, high=high / rows)


def compare_models(
    names: tuple[str, str],
    model_right: NDArray[np.bool_],
    baseline_right: NDArray[np.bool_],
    classes: NDArray[Any],
) -> Comparison:
    """Compare two models that answered the same rows.

    Args:
        names: Of the model that is judged, and of the one that it is compared with.
        model_right: Whether the model answers each row rightly, shape (rows,).
        baseline_right: The same for the baseline.
        classes: True class of each row, shape (rows,).

    Returns:
        Difference in accuracy and McNemar test; macro F1 needs the answers themselves.
    """
    won = int((model_right & ~baseline_right).sum())
    lost = int((baseline_right & ~model_right).sum())
    return Comparison(
        model=names[0],
        baseline=names[1],
        n=len(classes),
        difference=paired_interval(model_right, baseline_right, classes),
        mcnemar_p=mcnemar(won, lost),
        only_model_right=won,
        only_baseline_right=lost,
    )


def _newcombe_interval(outcome: NDArray[np.int64]) -> Interval:
    """Bound a difference by the shares of rows won and lost: outcomes are 1, 0 and -1."""
    won, lost = (accuracy_interval(int((outcome == o).sum()), len(outcome)) for o in (1, -1))
    estimate = float(outcome.mean())
    below = math.hypot(won.estimate - won.low, lost.high - lost.estimate)
    above = math.hypot(won.high - won.estimate, lost.estimate - lost.low)
    return Interval(
        estimate=estimate, low=max(estimate - below, -1.0), high=min(estimate + above, 1.0)
    )


def macro_f1_interval(
    model: Labels, baseline: Labels, classes: Labels, seed: int = 0
) -> Interval | None:
    """Bootstrap a difference in macro F1: 95 % percentile interval, paired, stratified by class.

    Within each class, rows are resampled with replacement, 10,000 times. To F1 a row is no more
    than its pair of answers, so that what is drawn is how often each pair occurs: one multinomial
    count a class, over the pairs that it has.

    Args:
        model: The model's answers as label indices, shape (rows,).
        baseline: The baseline's, shape (rows,).
        classes: True class of each row, shape (rows,).
        seed: Of the draw.

    Returns:
        Macro F1 of the model minus the baseline's. None where no resample differs from another, as
        of models that always agree: the bootstrap would claim certainty, however few the rows.
    """
    cells = Cells.of(model, baseline, classes)
    drawn = macro_f1_differences(cells, RESAMPLES, seed)
    if drawn.min() == drawn.max():
        return None
    low, high = np.quantile(drawn, [TAIL, 1 - TAIL])
    estimate = cells.macro_f1_differences(cells.counts[None].astype(np.float64))
    return Interval(estimate=float(estimate[0]), low=float(low), high=float(high))


def mcnemar(
    only_model_right: int, only_baseline_right: int, alternative: Alternative = "two-sided"
) -> float:
    """Exact McNemar test of whether two models are equally accurate.

    Args:
        only_model_right: Rows that the model alone answers rightly.
        only_baseline_right: Rows that the baseline alone answers rightly.
        alternative: "less" tests for a loss alone: whether the model is less accurate.

    Returns:
        The chance of a split at least as uneven, were both equally good; 1 if they never differ.
    """
    differing = only_model_right + only_baseline_right
    if not differing:
        return 1.0
    return float(binomtest(only_model_right, differing, alternative=alternative).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct tests for how many they are, by Holm's step-down procedure (1979).

    Args:
        p_values: One a test.

    Returns:
        Adjusted p-values in the same order: those below 0.05 hold together, with a chance of at
        most 0.05 that any of them holds by accident.
    """
    # Imported here, as it takes half a second, which a run that reuses everything does not need.
    from statsmodels.stats.multitest import multipletests

    if not p_values:
        return []
    adjusted = multipletests(p_values, method="holm")[1]
    return [float(p) for p in adjusted]


def detectable_drop(rows: int, alpha: float) -> float | None:
    """Smallest drop in accuracy that so many rows can show.

    A model that loses k rows and wins none has a one-sided exact McNemar test of p = 1 / 2^k.

    Args:
        rows: Rows of the group.
        alpha: What p must be below; among several tests Holm holds the smallest p to 0.05 divided
            by their number.

    Returns:
        A fraction of the rows; None where even losing all of them would show nothing.
    """
    lost = math.floor(-math.log2(alpha)) + 1
    return lost / rows if lost <= rows else None


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


def _sum_probabilities(outcome: NDArray[np.int64], classes: NDArray[Any]) -> NDArray[np.float64]:
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


def _tail_index(chances: NDArray[np.float64]) -> int:
    """Return the first index at which the chances add up to the tail."""
    return int(np.searchsorted(np.cumsum(chances), TAIL - _TOLERANCE))
