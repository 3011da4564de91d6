"""Confidence intervals and significance tests for two models on the same rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from coldpress.evaluation.scorecard.scorecard import Comparison, Interval
from coldpress.evaluation.statistics.bootstrap import Cells, Labels, macro_f1_differences

Alternative = Literal["two-sided", "less"]

SIGNIFICANCE_LEVEL = 0.05
TAIL = SIGNIFICANCE_LEVEL / 2
RESAMPLES = 10_000
NO_DIFFERENCE = Interval(estimate=0.0, low=0.0, high=0.0)
"""Of a model from itself: certain, however few rows there are."""

_TOLERANCE = 1e-12


def paired_interval(
    model_correct: NDArray[np.bool_], baseline_correct: NDArray[np.bool_], classes: NDArray[Any]
) -> Interval:
    """Bootstrap a difference in accuracy: 95 % percentile interval, paired, stratified by class.

    Within each class, rows are resampled with replacement. A resample differs only in how often it
    contains rows that only one of the two models predicts correctly, which is a multinomial count.
    The distribution of the sum over all classes is therefore computed exactly instead of being
    simulated (the first of the three ways to a bootstrap distribution in Efron, "Bootstrap
    methods: another look at the jackknife", 1979). The result is the limit of infinitely many
    resamples, and depends on no seed.

    If every class has rows of a single outcome, resamples cannot differ, and the bootstrap would
    claim certainty for 7 rows as for 7000. In this case the bounds come from Wilson intervals of
    the shares of rows won and lost, combined by squares (Newcombe, "Interval estimation for the
    difference between independent proportions", 1998, method 10).

    Args:
        model_correct: Whether the model predicts each row correctly, shape (rows,).
        baseline_correct: The same for the baseline, shape (rows,).
        classes: True class of each row, shape (rows,).

    Returns:
        Accuracy of the model minus that of the baseline, as fractions of the rows.
    """
    outcome = model_correct.astype(np.int64) - baseline_correct.astype(np.int64)
    probabilities = _sum_probabilities(outcome, classes)
    rows = len(outcome)
    low = _tail_index(probabilities) - rows
    high = rows - _tail_index(probabilities[::-1])
    if low == high:
        return _newcombe_interval(outcome)
    return Interval(estimate=float(outcome.mean()), low=low / rows, high=high / rows)


def compare_models(
    names: tuple[str, str],
    model_correct: NDArray[np.bool_],
    baseline_correct: NDArray[np.bool_],
    classes: NDArray[Any],
) -> Comparison:
    """Compare two models on the same rows.

    Args:
        names: Of the model and of the baseline.
        model_correct: Whether the model predicts each row correctly, shape (rows,).
        baseline_correct: The same for the baseline, shape (rows,).
        classes: True class of each row, shape (rows,).

    Returns:
        Difference in accuracy and McNemar test; macro F1 is added by `macro_f1_interval`.
    """
    only_model = int((model_correct & ~baseline_correct).sum())
    only_baseline = int((baseline_correct & ~model_correct).sum())
    return Comparison(
        model=names[0],
        baseline=names[1],
        n=len(classes),
        difference=paired_interval(model_correct, baseline_correct, classes),
        mcnemar_p=mcnemar(only_model, only_baseline),
        only_model_right=only_model,
        only_baseline_right=only_baseline,
    )


def _newcombe_interval(outcome: NDArray[np.int64]) -> Interval:
    """Bound a difference by the shares of rows won and lost: outcomes are 1, 0 and -1."""
    wins, losses = (accuracy_interval(int((outcome == o).sum()), len(outcome)) for o in (1, -1))
    estimate = float(outcome.mean())
    below = math.hypot(wins.estimate - wins.low, losses.high - losses.estimate)
    above = math.hypot(wins.high - wins.estimate, losses.estimate - losses.low)
    return Interval(
        estimate=estimate, low=max(estimate - below, -1.0), high=min(estimate + above, 1.0)
    )


def macro_f1_interval(
    model: Labels, baseline: Labels, classes: Labels, seed: int = 0
) -> Interval | None:
    """Bootstrap a difference in macro F1: 95 % percentile interval, paired, stratified by class.

    Within each class, rows are resampled with replacement, 10,000 times. F1 depends on a row only
    through its two predictions, so the number of rows with each pair of predictions is drawn: one
    multinomial count per class.

    Args:
        model: Label indices that the model predicts, shape (rows,).
        baseline: Label indices that the baseline predicts, shape (rows,).
        classes: True class of each row, shape (rows,).
        seed: Seed of the resampling.

    Returns:
        Macro F1 of the model minus that of the baseline. None if all resamples are equal, as for
        models that always agree: the bootstrap would claim certainty, however few rows there are.
    """
    cells = Cells.from_predictions(model, baseline, classes)
    differences = macro_f1_differences(cells, RESAMPLES, seed)
    if differences.min() == differences.max():
        return None
    low, high = np.quantile(differences, [TAIL, 1 - TAIL])
    estimate = cells.macro_f1_differences(cells.counts[None].astype(np.float64))
    return Interval(estimate=float(estimate[0]), low=float(low), high=float(high))


def mcnemar(only_model: int, only_baseline: int, alternative: Alternative = "two-sided") -> float:
    """Exact McNemar test of whether two models are equally accurate.

    Args:
        only_model: Rows that only the model predicts correctly.
        only_baseline: Rows that only the baseline predicts correctly.
        alternative: "less" tests whether the model is less accurate.

    Returns:
        The p-value: the probability of a split at least as uneven if both were equally accurate.
        1 if no row differs.
    """
    differing = only_model + only_baseline
    if not differing:
        return 1.0
    from scipy.stats import binomtest  # slow to import, and a reused evaluation needs none

    return float(binomtest(only_model, differing, alternative=alternative).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for multiple tests by Holm's step-down procedure (1979).

    Args:
        p_values: One per test.

    Returns:
        Adjusted p-values in the same order. If those below 0.05 are accepted, the probability that
        any of them is a false alarm is at most 0.05.
    """
    # Not statsmodels: it runs the garbage collector in every call, which takes 0.05 to 0.8 s.
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)  # the smallest is one of n tests, the largest of 1
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.maximum.accumulate(np.asarray(p_values)[order] * factors)
    return [float(p) for p in np.minimum(adjusted, 1)]


def detectable_drop(rows: int, alpha: float) -> float | None:
    """Smallest drop in accuracy that can be significant with this many rows.

    A model that loses k rows and wins none has a one-sided exact McNemar test of p = 1 / 2^k.

    Args:
        rows: Rows of the group.
        alpha: Level that p must be below; of several tests, Holm's procedure compares the smallest
            p with 0.05 divided by their number.

    Returns:
        A fraction of the rows; None if even the loss of all rows would not be significant.
    """
    needed = math.floor(-math.log2(alpha)) + 1
    return needed / rows if needed <= rows else None


def accuracy_interval(correct: int, rows: int) -> Interval:
    """95 % interval of a single accuracy: Wilson's score interval, without continuity correction.

    Computed here because every report needs it, and scipy.stats takes a second to import.

    Args:
        correct: Number of correct rows.
        rows: Number of rows.

    Returns:
        Estimate and bounds as fractions.
    """
    z = NormalDist().inv_cdf(1 - TAIL)
    share = correct / rows
    centre = share + z * z / (2 * rows)
    half_width = z * math.sqrt(share * (1 - share) / rows + (z / (2 * rows)) ** 2)
    scale = 1 + z * z / rows
    low = (centre - half_width) / scale
    high = (centre + half_width) / scale
    return Interval(
        estimate=share,
        low=0.0 if correct == 0 else low,
        high=1.0 if correct == rows else high,
    )


def _sum_probabilities(outcome: NDArray[np.int64], classes: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probability that a resample sums to -rows, ..., rows, shape (2 rows + 1,).

    The characteristic function of a sum is the product of those of its terms: one power per class.
    """
    sums = 2 * len(outcome) + 1
    step = np.exp(-2j * np.pi * np.arange(len(outcome) + 1) / sums)
    spectrum = np.ones_like(step)
    for label in np.unique(classes[outcome != 0]):
        of_class = outcome[classes == label]
        gain = (of_class == 1).mean()
        loss = (of_class == -1).mean()
        spectrum *= (1 - gain - loss + gain * step + loss * step.conj()) ** len(of_class)
    return np.roll(np.fft.irfft(spectrum, sums), len(outcome))


def _tail_index(probabilities: NDArray[np.float64]) -> int:
    """Return the first index at which the cumulative probability reaches the tail."""
    return int(np.searchsorted(np.cumsum(probabilities), TAIL - _TOLERANCE))
