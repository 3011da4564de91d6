"""Differences in words: a model is called better only if the difference is significant."""

from __future__ import annotations

from typing import Literal

from coldpress.evaluation.scorecard.scorecard import Comparison, Scorecard
from coldpress.evaluation.statistics.paired import SIGNIFICANCE_LEVEL

SignificanceVerdict = Literal["better", "worse", "not shown to differ"]


def significance_verdict(comparison: Comparison) -> SignificanceVerdict:
    """Say whether one model is significantly better than another.

    Args:
        comparison: Both models on the same rows.

    Returns:
        A difference only if the interval excludes zero and McNemar's test is significant: with few
        differing rows, the interval alone is too narrow.
    """
    if comparison.mcnemar_p is not None and comparison.mcnemar_p >= SIGNIFICANCE_LEVEL:
        return "not shown to differ"
    if comparison.difference.low > 0:
        return "better"
    return "worse" if comparison.difference.high < 0 else "not shown to differ"


def points(fraction: float) -> str:
    """Format a share as percentage points, without trailing zeros."""
    return f"{round(100 * fraction, 2) + 0.0:g}"


def snap_to_count(fraction: float, n: int) -> float:
    """Undo the rounding error in a share of rows, so that it can be compared with a bound.

    A count divided by n and a decimal bound are both the nearest float, so they are equal if the
    numbers are. A difference of two such shares is off in its last digit.

    Args:
        fraction: Share of n rows, or difference of two shares.
        n: Number of rows.

    Returns:
        The nearest count divided by n, or the fraction itself if it is not a count of rows.
    """
    rows = round(fraction * n)
    return rows / n if abs(fraction * n - rows) < 1e-6 else fraction


def describe_untimed(card: Scorecard) -> str:
    """Say why a model has no latency; one of which only answers are known has no size, either."""
    return "answers only" if card.runtime == "answers" else f"{card.runtime}, not timed"
