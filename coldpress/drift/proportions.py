"""Compare a share of the new rows with the same share of the earlier rows."""

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
