"""What one trial came to, before the seeds are put side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from claim import Unit
from coldpress.evaluation.scorecard import Interval


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
