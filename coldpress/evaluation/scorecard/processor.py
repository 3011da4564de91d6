"""The processor of an evaluation."""

from __future__ import annotations

from coldpress.evaluation.scorecard.scorecard import Evaluation


def evaluated_on(evaluation: Evaluation) -> str:
    """Return the processor on which models ran; empty in records of older versions."""
    return evaluation.conditions.get("processor", "")
