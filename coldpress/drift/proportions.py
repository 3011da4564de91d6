"""Compare a share or a mean of the new rows with that of the earlier rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldpress.drift.result import ShareDifference
from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.evaluation.statistics.paired import SIGNIFICANCE_LEVEL, TAIL, accuracy_interval

Hits = NDArray[np.bool_]
Values = NDArray[np.float64]


def compare_shares(fresh: Hits, before: Hits) -> ShareDifference:
    """Compare two independent shares.

    The 95 % interval of their difference is Newcombe's ("Interval estimation for the difference
    between independent proportions", 1998, method 10).

    Args:
        fresh: True for the new rows that count, shape (new rows,).
        before: True for the earlier rows that count, shape (rows,).

    Returns:
        Both shares with Wilson intervals, and their difference.
    """
    # Imported here, as it takes half a second.
    from statsmodels.stats.proportion import confint_proportions_2indep

    new_hits = int(fresh.sum())
    old_hits = int(before.sum())
    bounds: Any = confint_proportions_2indep(
        new_hits, len(fresh), old_hits, len(before), method="newcomb", alpha=SIGNIFICANCE_LEVEL
    )
    new = accuracy_interval(new_hits, len(fresh))
    old = accuracy_interval(old_hits, len(before))
    difference = Interval(
        estimate=new.estimate - old.estimate, low=float(bounds[0]), high=float(bounds[1])
    )
    return ShareDifference(n=len(fresh), fresh=new, before=old, difference=difference)


def compare_scores(fresh: Values, before: Values, binary: bool) -> ShareDifference:
    """Compare the mean score of two independent sets of samples.

    Args:
        fresh: Scores of the new samples, from 0 to 1, shape (new samples,).
        before: Scores of the earlier samples, shape (samples,).
        binary: True if every score is 0 or 1: the mean is then a share.

    Returns:
        Both means and their difference, with intervals.
    """
    return compare_shares(fresh == 1, before == 1) if binary else compare_means(fresh, before)


def compare_means(fresh: Values, before: Values) -> ShareDifference:
    """Compare the means of two independent samples, by Welch's t distribution.

    Args:
        fresh: Values of the new rows, shape (new rows,).
        before: Values of the earlier rows, shape (rows,).

    Returns:
        Both means and their difference, with 95 % intervals.
    """
    return ShareDifference(
        n=len(fresh),
        fresh=mean_interval(fresh),
        before=mean_interval(before),
        difference=_interval(float(fresh.mean() - before.mean()), [fresh, before]),
    )


def mean_interval(values: Values) -> Interval:
    """95 % interval of a mean, by Student's t distribution.

    Args:
        values: Shape (rows,).
    """
    return _interval(float(values.mean()), [values])


def _standard_error(values: Values) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 1.0


def _interval(estimate: float, samples: Sequence[Values]) -> Interval:
    """Add and subtract the standard error of the samples' means, times a quantile of t.

    The degrees of freedom are Welch's ("The generalization of Student's problem ...", 1947); for a
    single sample they are the number of values minus one.
    """
    # Imported here, as it takes half a second.
    from scipy.stats import t

    variances = [_standard_error(values) ** 2 for values in samples]
    terms = [v**2 / max(len(values) - 1, 1) for v, values in zip(variances, samples, strict=True)]
    if not sum(variances):
        return Interval(estimate=estimate, low=estimate, high=estimate)
    degrees = sum(variances) ** 2 / sum(terms)
    half_width = float(t.ppf(1 - TAIL, degrees)) * math.sqrt(sum(variances))
    return Interval(estimate=estimate, low=estimate - half_width, high=estimate + half_width)
