"""Compare a share or a mean of the new rows with that of the earlier rows."""

from __future__ import annotations

import math
from statistics import NormalDist
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


def compare_row_scores(fresh: Values, before: Values, binary: bool) -> ShareDifference:
    """Compare the mean row score of two independent sets of rows.

    Args:
        fresh: Scores of the new rows, from 0 to 1, shape (new rows,).
        before: Scores of the earlier rows, shape (rows,).
        binary: True if every score is 0 or 1: the mean is then a share.

    Returns:
        Both means and their difference, with intervals.
    """
    return compare_shares(fresh == 1, before == 1) if binary else compare_means(fresh, before)


def compare_means(fresh: Values, before: Values) -> ShareDifference:
    """Compare the means of two independent samples, by the normal approximation.

    Args:
        fresh: Values of the new rows, shape (new rows,).
        before: Values of the earlier rows, shape (rows,).

    Returns:
        Both means and their difference, with 95 % intervals.
    """
    errors = [_standard_error(fresh), _standard_error(before)]
    return ShareDifference(
        n=len(fresh),
        fresh=_interval(float(fresh.mean()), errors[0]),
        before=_interval(float(before.mean()), errors[1]),
        difference=_interval(float(fresh.mean() - before.mean()), math.hypot(*errors)),
    )


def mean_interval(values: Values) -> Interval:
    """95 % interval of a mean, by the normal approximation.

    Args:
        values: Shape (rows,).
    """
    return _interval(float(values.mean()), _standard_error(values))


def _standard_error(values: Values) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 1.0


def _interval(estimate: float, standard_error: float) -> Interval:
    half_width = NormalDist().inv_cdf(1 - TAIL) * standard_error
    return Interval(estimate=estimate, low=estimate - half_width, high=estimate + half_width)
