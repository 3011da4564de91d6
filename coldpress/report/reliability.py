"""Reliability diagram: confidence against accuracy of teacher and final model."""

from __future__ import annotations

from dataclasses import dataclass

from coldpress.evaluation.scorecard.final_model import TEACHER
from coldpress.evaluation.scorecard.scorecard import Scorecard
from coldpress.report.findings import Findings

SIDE = 300.0
LEFT = 36.0
BOTTOM = 40.0
MARGIN = 10.0


@dataclass(frozen=True)
class Bin:
    """Predictions of similar confidence: position and radius in units of the figure."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Curve:
    """The bins of one model, by ascending confidence."""

    name: str
    bins: tuple[Bin, ...]
    error: float
    temperature: float
    strong: bool


def reliability_curves(findings: Findings) -> tuple[Curve, ...]:
    """Lay out the reliability of the teacher and the final model.

    Returns:
        The teacher first; empty if the final model has no bins.
    """
    if not findings.final.reliability:
        return ()
    both = ((TEACHER, findings.teacher, False), (findings.final_name, findings.final, True))
    return tuple(
        _curve(name, card, strong)
        for name, card, strong in both
        if card is not None and card.reliability
    )


def place(fraction: float, upward: bool = False) -> float:
    """Return the position of a fraction on an axis of the square figure.

    Args:
        fraction: Confidence or accuracy.
        upward: Whether it is on the vertical axis.

    Returns:
        Position in units of the figure.
    """
    start = BOTTOM if upward else LEFT
    along = start + fraction * (SIDE - start - MARGIN)
    return round(SIDE - along if upward else along, 1)


def _curve(name: str, card: Scorecard, strong: bool) -> Curve:
    most = max(bin_.n for bin_ in card.reliability)
    bins = tuple(
        Bin(
            place(bin_.confidence),
            place(bin_.accuracy, upward=True),
            # A dot's area is its share of the rows.
            round(max(2.6, 7 * (bin_.n / most) ** 0.5), 1),
        )
        for bin_ in card.reliability
    )
    return Curve(name, bins, card.calibration_error or 0.0, card.temperature, strong)
