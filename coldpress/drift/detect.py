"""Detect drift: is the model less accurate, or are its inputs different?"""

from __future__ import annotations

import hashlib
import json

from coldpress.drift.accuracy import compare_accuracy
from coldpress.drift.embeddings import embedding_shift
from coldpress.drift.labels import label_frequency_shift, label_shift
from coldpress.drift.length import length_shift
from coldpress.drift.observations import Observations
from coldpress.drift.permutation import RowSamples
from coldpress.drift.profile import embedded_rows
from coldpress.drift.proportions import compare_scores
from coldpress.drift.result import (
    Drift,
    DriftKind,
    DriftVerdict,
    Reevaluation,
    ShareDifference,
)
from coldpress.drift.shift import Shift
from coldpress.drift.targets import target_shift
from coldpress.drift.vocabulary import vocabulary_shift
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.statistics.paired import SIGNIFICANCE_LEVEL, holm
from coldpress.kinds.kind import Outputs
from coldpress.kinds.scores import SampleScores
from coldpress.kinds.tags import entity_types, text_types
from coldpress.kinds.vectors import learns_vectors

BOUNDS: dict[DriftKind, float] = {
    "labels": 0.1,
    "answers": 0.1,
    "length": 0.1,
    "vocabulary": 0.02,
    "embeddings": 0.04,
}
"""Smallest effect that counts: with enough rows any two samples differ (docs/log.md)."""


def detect_drift(
    model: str,
    before: Observations,
    fresh: Observations,
    teacher_agreement: SampleScores | None = None,
) -> Reevaluation:
    """Compare new rows with the rows that a model was evaluated on.

    Args:
        model: Name and version, such as `trec/3`.
        before: The test rows, with the predictions of the model and its teacher.
        fresh: The new rows.
        teacher_agreement: Sample scores of the model against the teacher's predictions: for
            classification, 1 where both predict the same label; shape (new samples,). None if the
            teacher was not run.

    Returns:
        The verdict and the evidence for it.
    """
    labelled = len(fresh.predictions.targets) > 0
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
        agreement=_compare_agreement(before.predictions, teacher_agreement),
        drift=drift,
    )


def _drift_tests(before: Observations, fresh: Observations, labelled: bool) -> tuple[Drift, ...]:
    """Report drift only if the effect exceeds its bound and p after Holm is below 0.05."""
    old = before.profile
    new = fresh.profile
    rows = RowSamples(before.row_samples, fresh.row_samples)
    samples = rows if rows.have_several_rows else None
    shifts: dict[DriftKind, Shift] = {}
    if not learns_vectors(before.predictions.kind):  # vectors are the embeddings of the profile
        way: DriftKind = "labels" if labelled else "answers"
        shifts[way] = _target_drift(before.predictions, fresh.predictions, labelled, samples)
    shifts |= {
        "length": length_shift(old.words.total, new.words.total, samples),
        "vocabulary": vocabulary_shift(
            old.words.by_sample(rows.before), new.words.by_sample(rows.fresh)
        ),
        "embeddings": embedding_shift(old.embeddings, new.embeddings, _embedded(samples)),
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


def _embedded(samples: RowSamples | None) -> RowSamples | None:
    """Return the samples of the rows that have an embedding."""
    if samples is None:
        return None
    return samples.take(embedded_rows(len(samples.before)), embedded_rows(len(samples.fresh)))


def _target_drift(
    before: Predictions, fresh: Predictions, labelled: bool, samples: RowSamples | None
) -> Shift:
    """Compare the targets; without targets, the predictions."""
    kind = before.kind
    old, new = (
        side.targets if labelled else side.predicted_targets(side.outputs[side.final])
        for side in (before, fresh)
    )
    if kind.is_classification:
        return label_shift(old, new, before.names)
    if kind.head == "tokens":
        types = entity_types(before.names)
        old, new = (text_types(targets, len(types)) for targets in (old, new))
        return label_frequency_shift(old, new, types)
    if kind.activation == "sigmoid":
        return label_frequency_shift(old, new, before.names)
    if old.ndim == 2:  # the last of several values, such as the relevance of a document
        return target_shift(old[:, -1], new[:, -1], samples)
    return target_shift(old, new, samples)


def _digest(predictions: Predictions) -> str:
    rows = [predictions.ids, predictions.target_texts]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _compare_agreement(before: Predictions, fresh: SampleScores | None) -> ShareDifference | None:
    if fresh is None:
        return None
    old = agreement_scores(before, before.final, before.outputs[before.teacher], before.scale)
    return compare_scores(fresh, old, before.kind.is_classification)


def agreement_scores(
    predictions: Predictions, model: str, teacher: Outputs, scale: float
) -> SampleScores:
    """Score a model's predictions against the teacher's, shape (samples,).

    Args:
        predictions: With the outputs of the model.
        model: Name of the model.
        teacher: Outputs of the teacher for the same rows, shape (units, outputs).
        scale: Unit of errors.
    """
    targets = predictions.predicted_targets(teacher)
    return predictions.kind.sample_scores(predictions.outputs[model], targets, scale)
