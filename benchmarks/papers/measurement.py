"""The result of one trial, before those of all seeds are combined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from claim import Unit
from coldpress.evaluation.scorecard.scorecard import Interval

ONE_POINT = 0.01


@dataclass(frozen=True)
class Measurement:
    """A number of one trial.

    Attributes:
        unit: `percent` and `points` are stored as fractions.
        value: The number, with its 95 % interval over the test rows if it has one.
        paper: The paper's number, as text.
    """

    unit: Unit
    value: float | Interval
    paper: str | None = None


@dataclass(frozen=True)
class TrialResult:
    """The result of one trial.

    Attributes:
        numbers: By name.
        curves: By name: fractions by position on the axis.
    """

    numbers: Mapping[str, Measurement] = field(default_factory=dict)
    curves: Mapping[str, Mapping[float, float]] = field(default_factory=dict)


def last_within_a_point(accuracies: Mapping[float, float]) -> float:
    """Return the last position on a curve before the first that loses a point.

    Args:
        accuracies: Validation accuracy by position; the first is the whole model's.

    Returns:
        One of the positions.
    """
    (last, whole), *_ = accuracies.items()
    for position, accuracy in accuracies.items():
        if accuracy <= whole - ONE_POINT:
            break
        last = position
    return last
