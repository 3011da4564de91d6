"""Does the model know when it is right: confidence against accuracy, beside the teacher."""

from __future__ import annotations

from dataclasses import dataclass

from coldpress.evaluation.scorecard.scorecard import Scorecard
from coldpress.report.findings import Findings

SIDE = 300.0
LEFT, BOTTOM, MARGIN = 36.0, 40.0, 10.0


@dataclass(frozen=True)
class Bin:
    """Answers of similar confidence: place and radius in units of the figure."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Curve:
    """One model's bins, from unsure to sure."""

    name: str
    bins: tuple[Bin, ...]
    error: float
    temperature: float
    strong: bool


def reliability_curves(findings: Findings) -> tuple[Curve, ...]:
    """Lay out the reliability of the teacher and of the final model.

    Args:
        findings: The version.

    Returns:
        The teacher first; nothing where no bins were kept of the final model.
    """
    if not findings.final.reliability:
        return ()
    both = (("teacher", findings.teacher, False), ("onnx", findings.final, True))
    return tuple(_curve(*one) for one in both if one[1].reliability)


def place(fraction: float, upward: bool = False) -> float:
    """Return where a fraction stands on either axis of the square figure.

    Args:
        fraction: Confidence or accuracy.
        upward: Whether it is on the vertical axis.

    Returns:
        Units of the figure.
    """
    start = BOTTOM if upward else LEFT
    along = start + fraction * (SIDE - start - MARGIN)
    return round(SIDE - along if upward else along, 1)


def _curve(name: str, card: Scorecard, strong: bool) -> Curve:
    most = max(one.n for one in card.reliability)
    bins = tuple(
        Bin(
            place(one.confidence),
            place(one.accuracy, upward=True),
            # A dot's area is its share of the rows.
            round(max(2.6, 7 * (one.n / most) ** 0.5), 1),
        )
        for one in card.reliability
    )
    return Curve(name, bins, card.calibration_error, card.temperature, strong)
