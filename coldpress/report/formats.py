"""Format numbers for reports: few digits, and signs for differences."""

from __future__ import annotations

from coldpress.evaluation.scorecard.operating_point import ExactShare
from coldpress.evaluation.scorecard.scorecard import Interval, Scorecard

MINUS = "\N{MINUS SIGN}"


def percent(fraction: float) -> str:
    """Return a fraction in percent: 0.9484 is `94.8`."""
    return f"{100 * fraction:.1f}"


def precise_percent(fraction: float) -> str:
    """Return a small fraction in percent with two decimals: 0.00948 is `0.95`."""
    return f"{100 * fraction:.2f}"


def percent_range(interval: Interval | ExactShare) -> str:
    """Return the bounds of an accuracy in percent, as `92.5 to 96.4`."""
    return f"{percent(interval.low)} to {percent(interval.high)}"


def signed_points(fraction: float) -> str:
    """Return a difference in percentage points, signed unless it rounds to zero."""
    rounded = round(100 * fraction, 1)
    sign = "+" if rounded > 0 else MINUS if rounded < 0 else ""
    return f"{sign}{abs(rounded):.1f}"


def signed_points_range(interval: Interval) -> str:
    """Return the bounds of a difference in percentage points."""
    return f"{signed_points(interval.low)} to {signed_points(interval.high)}"


def short(value: float) -> str:
    """Return three significant digits, and integers of more digits in full."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def size(count: float) -> str:
    """Return bytes in the largest fitting unit, as in `4.2 MB`."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{short(count / factor)} {unit}"
    return f"{count:.0f} bytes"


def short_count(count: float) -> str:
    """Return a count in thousands, millions or billions, as in `22.7 M`."""
    for unit, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= factor:
            return f"{short(count / factor)} {unit}"
    return f"{count:.0f}"


def times(ratio: float, better: str, worse: str) -> str:
    """Return a ratio in words, inverted if below 1, as in `5.4x smaller`."""
    return f"{ratio:.1f}x {better}" if ratio >= 1 else f"{1 / ratio:.1f}x {worse}"


def ratio_with_interval(ratio: float, low: float | None, high: float | None) -> str:
    """Return a ratio with its interval if it has one, as in `20.6x (19.4 to 21.7)`."""
    if low is None or high is None or low == high:
        return f"{ratio:.1f}x"
    return f"{ratio:.1f}x ({low:.1f} to {high:.1f})"


def speedup(card: Scorecard) -> str:
    """Return a model's speed-up with its interval; `not determined`, or empty if not timed."""
    if card.speedup is None:
        return "" if card.speedup_undetermined is None else "not determined"
    interval = card.speedup_interval
    if interval is None:
        return ratio_with_interval(card.speedup, None, None)
    return ratio_with_interval(card.speedup, interval.low, interval.high)


def p_value(p: float) -> str:
    """Return a p-value, as in `p = 0.031`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def duration(seconds: float) -> str:
    """Return seconds, or minutes from two minutes on."""
    return f"{seconds / 60:.1f} min" if seconds >= 120 else f"{seconds:.1f} s"


def metric(value: float) -> str:
    """Return any metric: four significant digits, large integers in full."""
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 1000 else f"{value:.4g}"
