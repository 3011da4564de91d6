"""A share of fresh rows against the same share of earlier ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldpress.drift.result import ShareDifference
from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.evaluation.statistics.paired import SIGNIFICANCE_LEVEL, accuracy_interval

Hits = NDArray[np.bool_]


def compare_shares(fresh: Hits, before: Hits) -> ShareDifference:
    """Compare two independent shares.

    The 95 % interval of their difference is Newcombe's ("Interval estimation for the difference
    between independent proportions", 1998, method 10).

    Args:
        fresh: What is counted, shape (fresh rows,).
        before: The same of the earlier rows, shape (rows,).

    Returns:
        Both with Wilson's intervals, and their difference.
    """
    # Imported here, as it takes half a second.
    from statsmodels.stats.proportion import confint_proportions_2indep

    counts = (int(fresh.sum()), len(fresh)), (int(before.sum()), len(before))
    bounds: Any = confint_proportions_2indep(
        *counts[0], *counts[1], method="newcomb", alpha=SIGNIFICANCE_LEVEL
    )
    shares = [accuracy_interval(*count) for count in counts]
    estimate = shares[0].estimate - shares[1].estimate
    difference = Interval(estimate=estimate, low=float(bounds[0]), high=float(bounds[1]))
    return ShareDifference(n=len(fresh), fresh=shares[0], before=shares[1], difference=difference)
