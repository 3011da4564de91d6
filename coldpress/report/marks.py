"""One row of a figure: a name, a dot or a bar, and the number it stands for."""

from __future__ import annotations

from dataclasses import dataclass

from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.report.scale import Scale


@dataclass(frozen=True)
class Mark:
    """One row of a figure; places are fractions of its width.

    Attributes:
        name: What the row is of.
        value: The number, written.
        remark: What stands beside it in a smaller hand.
        at: Where the dot is, or the bar ends; None where there is no number.
        low: Where the interval begins.
        high: Where it ends.
        strong: Whether the row is what the figure is about.
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
        name: What the row is of.
        interval: The estimate.
        scale: The axis.
        value: The estimate, written.
        remark: The interval, written.

    Returns:
        The row.
    """
    low, at, high = (scale.place(n) for n in (interval.low, interval.estimate, interval.high))
    return Mark(name, value, remark, at, low, high)
