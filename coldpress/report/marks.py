"""A row of a figure: name, dot or bar, and its number."""

from __future__ import annotations

from dataclasses import dataclass

from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.report.scale import Scale


@dataclass(frozen=True)
class Mark:
    """One row of a figure; positions are fractions of its width.

    Attributes:
        name: Name of the row.
        value: The number as text.
        remark: Text in smaller type beside it.
        at: Position of the dot or of the end of the bar; None without a number.
        low: Start of the interval.
        high: End of the interval.
        strong: Whether the row is highlighted.
    """

    name: str
    value: str
    remark: str = ""
    at: float | None = None
    low: float | None = None
    high: float | None = None
    strong: bool = False


def interval_mark(name: str, interval: Interval, scale: Scale, value: str, remark: str) -> Mark:
    """Place an estimate and its interval on an axis.

    Args:
        name: Name of the row.
        interval: The estimate with its interval.
        scale: The axis.
        value: The estimate as text.
        remark: The interval as text.
    """
    low, at, high = (scale.place(n) for n in (interval.low, interval.estimate, interval.high))
    return Mark(name, value, remark, at, low, high)
