"""Exact interval of a share.

Clopper & Pearson, "The use of confidence or fiducial limits illustrated in the case of the
binomial", 1934.
"""

from __future__ import annotations

from coldpress.evaluation.scorecard.operating_point import ExactShare
from coldpress.evaluation.statistics.paired import TAIL


def exact_share(count: int, rows: int) -> ExactShare:
    """Return a share of rows with its exact 95 % interval.

    The true share is below the interval in at most 2.5 of 100 samples, and above it in as many.

    Args:
        count: Rows that count.
        rows: Number of rows, at least one.
    """
    from scipy.stats import beta  # slow to import

    return ExactShare(
        n=rows,
        estimate=count / rows,
        low=float(beta.ppf(TAIL, count, rows - count + 1)) if count else 0.0,
        high=float(beta.ppf(1 - TAIL, count + 1, rows - count)) if count < rows else 1.0,
    )
