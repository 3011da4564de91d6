"""What one trial came to, before the seeds are put side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from claim import Unit
from coldpress.evaluation.scorecard.scorecard import Interval

ONE_POINT = 0.01


@dataclass(frozen=True)
class Measurement:
    """A figure of one trial.

    Attributes:
        unit: `percent` and `points` are given as fractions.
        value: The figure, with its 95 % interval over the test rows if it has one.
        paper: The paper's figure, as it is to be read.
    """

    unit: Unit
    value: float | Interval
    paper: str | None = None


@dataclass(frozen=True)
class Measured:
    """What one trial came to.

    Attributes:
        numbers: By name.
        curves: By name: a fraction by the share that it was measured at.
    """

    numbers: Mapping[str, Measurement] = field(default_factory=dict)
    curves: Mapping[str, Mapping[float, float]] = field(default_factory=dict)


def under_a_point(accuracies: Mapping[float, float]) -> float:
    """Return the place on a curve up to which no place loses a point.

    Args:
        accuracies: By place, of validation rows; the first is the whole model's.

    Returns:
        One of the places.
    """
    (most, whole), *_ = accuracies.items()
    for place, accuracy in accuracies.items():
        if accuracy <= whole - ONE_POINT:
            break
        most = place
    return most
