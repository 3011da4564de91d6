"""Numbers and differences as a person reads them; nothing is called better that chance explains."""

from __future__ import annotations

from typing import Literal

from coldpress.evaluation.scorecard.scorecard import Comparison

SIGNIFICANCE_LEVEL = 0.05
SignificanceVerdict = Literal["better", "worse", "not shown to differ"]


def significance_verdict(comparison: Comparison) -> SignificanceVerdict:
    """Say whether one model is better than another, as far as their rows can show it.

    Args:
        comparison: Both models on the same rows.

    Returns:
        A difference only where the interval leaves out zero and McNemar's test agrees: of few
        differing rows, the interval alone would make too much.
    """
    if comparison.mcnemar_p >= SIGNIFICANCE_LEVEL:
        return "not shown to differ"
    if comparison.difference.low > 0:
        return "better"
    return "worse" if comparison.difference.high < 0 else "not shown to differ"


def points(fraction: float) -> str:
    """Write a share as percentage points, without zeros that say nothing."""
    return f"{round(100 * fraction, 2) + 0.0:g}"


def snap_to_count(fraction: float, n: int) -> float:
    """Undo the rounding in a share of rows, so that it equals a bound where it should.

    A count over n is the floating point number nearest to it, and so is a decimal bound: equal
    where they are equal. A difference of two such shares is off in its last place.

    Args:
        fraction: Of n rows.
        n: How many those are.

    Returns:
        The nearest count over n, or the fraction itself where it counts no rows.
    """
    rows = round(fraction * n)
    return rows / n if abs(fraction * n - rows) < 1e-6 else fraction
