"""The fields of a scorecard that compare a model with the teacher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coldpress.evaluation import metrics
from coldpress.evaluation.candidate import Candidate
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Comparison
from coldpress.evaluation.statistics import paired


def compare_with_teacher(
    candidate: Candidate,
    teacher: Candidate | None,
    predictions: Predictions,
    comparisons: Mapping[tuple[str, str], Comparison],
    score: float,
) -> dict[str, Any]:
    """Return the fields of a model's scorecard that compare it with the teacher.

    Args:
        candidate: The model; it may be the teacher itself.
        teacher: None if nothing of it is known for the test rows.
        predictions: Of both, for the test rows.
        comparisons: Every model with the teacher, by their names.
        score: The model's gated metric.

    Returns:
        Empty without a teacher.
    """
    if teacher is None:
        return {}
    kind, targets = predictions.kind, predictions.targets
    ours, theirs = (predictions.outputs[model.name] for model in (candidate, teacher))
    same = candidate is teacher
    return {
        "retention": metrics.retention(score, kind.main_score(theirs, targets)),
        "agreement": kind.agreement(ours, theirs, targets),
        "difference": paired.NO_DIFFERENCE
        if same
        else comparisons[candidate.name, teacher.name].difference,
        "compression": _compression(candidate, teacher),
    }


def _compression(candidate: Candidate, teacher: Candidate) -> float | None:
    if candidate.bytes is None or teacher.bytes is None:
        return None
    return teacher.bytes / candidate.bytes
