"""The first and the final model of an evaluation."""

from __future__ import annotations

from coldpress.evaluation.scorecard.scorecard import Evaluation

TEACHER = "teacher"
"""Name of the teacher; an evaluation without one has no comparisons with it."""

EXPORTED = "onnx"
"""Name of the ONNX file."""


def final_model_name(evaluation: Evaluation) -> str:
    """Return the name of the last model: the ONNX file, or a checkpoint if there is no file."""
    return next(reversed(evaluation.models), EXPORTED)
