"""Detect drift: is the model less accurate, or are its inputs different?"""

from __future__ import annotations

import hashlib
import json

import numpy as np

from coldpress.drift.accuracy import compare_accuracy
from coldpress.drift.embeddings import embedding_shift
from coldpress.drift.labels import label_shift
from coldpress.drift.length import length_shift
from coldpress.drift.observations import Observations
from coldpress.drift.proportions import Hits, compare_shares
from coldpress.drift.result import Drift, DriftKind, DriftVerdict, Reevaluation
from coldpress.drift.shift import Shift
from coldpress.drift.vocabulary import vocabulary_shift
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.statistics.paired import SIGNIFICANCE_LEVEL, holm

BOUNDS: dict[DriftKind, float] = {
    "labels": 0.1,
    "answers": 0.1,
    "length": 0.1,
    "vocabulary": 0.02,
    "embeddings": 0.04,
}
"""Smallest effect that counts: with enough rows any two samples differ (docs/log.md)."""


def detect_drift(
    model: str, before: Observations, fresh: Observations, teacher_agreement: Hits | None = None
) -> Reevaluation:
    """Compare new rows with the rows that a model was evaluated on.

    Args:
        model: Name and version, such as `trec/3`.
        before: The test rows, with the predictions of the model and its teacher.
        fresh: The new rows.
        teacher_agreement: For each new row, whether model and teacher predict the same label,
            shape (new rows,); None if the teacher was not run.

    Returns:
        The verdict and the evidence for it.
    """
    labelled = len(fresh.predictions.labels) > 0
    accuracy = compare_accuracy(before.predictions, fresh.predictions) if labelled else None
    drift = _drift_tests(before, fresh, labelled)
    verdict: DriftVerdict = "drifted" if any(test.drifted for test in drift) else "healthy"
    return Reevaluation(
        model=model,
        verdict="worse" if accuracy and accuracy.worse else verdict,
        n=len(fresh.predictions.ids),
        digest=_digest(fresh.predictions),
        judged_on=len(before.predictions.ids),
        accuracy=accuracy,
        agreement=None
        if teacher_agreement is None
        else compare_shares(teacher_agreement, _agrees_with_teacher(before.predictions)),
        drift=drift,
    )


def _drift_tests(before: Observations, fresh: Observations, labelled: bool) -> tuple[Drift, ...]:
    """Report drift only if the effect exceeds its bound and p after Holm is below 0.05."""
    old = before.profile
    new = fresh.profile
    shifts: dict[DriftKind, Shift] = {
        "labels" if labelled else "answers": _label_drift(
            before.predictions, fresh.predictions, labelled
        ),
        "length": length_shift(old.words.total, new.words.total),
        "vocabulary": vocabulary_shift(old.words, new.words),
        "embeddings": embedding_shift(old.embeddings, new.embeddings),
    }
    adjusted = holm([shift.p for shift in shifts.values()])
    return tuple(
        Drift(
            way=kind,
            effect=shift.effect,
            bound=BOUNDS[kind],
            p=shift.p,
            p_adjusted=p,
            drifted=shift.effect > BOUNDS[kind] and p < SIGNIFICANCE_LEVEL,
            sentence=shift.sentence,
        )
        for (kind, shift), p in zip(shifts.items(), adjusted, strict=True)
    )


def _label_drift(before: Predictions, fresh: Predictions, labelled: bool) -> Shift:
    """Compare label frequencies; without labels, those of the predicted labels."""
    old, new = (
        side.labels if labelled else side.predicted_labels(side.final) for side in (before, fresh)
    )
    return label_shift(old, new, before.label_names)


def _digest(predictions: Predictions) -> str:
    names = [predictions.label_names[label] for label in predictions.labels]
    rows = [predictions.ids, names]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _agrees_with_teacher(predictions: Predictions) -> Hits:
    teacher = predictions.predicted_labels(predictions.teacher)
    same = teacher == predictions.predicted_labels(predictions.final)
    return np.asarray(same, dtype=np.bool_)
