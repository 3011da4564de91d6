"""The verdict of a re-evaluation: is the model worse, are its inputs others, or neither."""

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
"""What an effect must be above: of enough rows any two samples differ (docs/log.md)."""


def detect_drift(
    model: str, before: Observations, fresh: Observations, as_teacher: Hits | None = None
) -> Reevaluation:
    """Compare fresh rows with those that a model was judged on.

    Args:
        model: As in `trec/3`.
        before: The rows that it was judged on, with the answers of its teacher.
        fresh: The fresh rows.
        as_teacher: Whether it answers each fresh row as its teacher does; None where nobody asked.

    Returns:
        The verdict and what it rests on.
    """
    labelled = len(fresh.answers.labels) > 0
    accuracy = compare_accuracy(before.answers, fresh.answers) if labelled else None
    drift = _drift_tests(before, fresh, labelled)
    verdict: DriftVerdict = "drifted" if any(one.drifted for one in drift) else "healthy"
    return Reevaluation(
        model=model,
        verdict="worse" if accuracy and accuracy.worse else verdict,
        n=len(fresh.answers.ids),
        digest=_digest(fresh.answers),
        judged_on=len(before.answers.ids),
        accuracy=accuracy,
        agreement=None
        if as_teacher is None
        else compare_shares(as_teacher, _agrees_with_teacher(before.answers)),
        drift=drift,
    )


def _drift_tests(before: Observations, fresh: Observations, labelled: bool) -> tuple[Drift, ...]:
    """Count a way only where its effect is above the bound and Holm leaves p below 0.05."""
    looked, then = fresh.portrait, before.portrait
    found: dict[DriftKind, Shift] = {
        "labels" if labelled else "answers": _label_drift(before.answers, fresh.answers, labelled),
        "length": length_shift(then.words.all, looked.words.all),
        "vocabulary": vocabulary_shift(then.words, looked.words),
        "embeddings": embedding_shift(then.embeddings, looked.embeddings),
    }
    adjusted = holm([shift.p for shift in found.values()])
    return tuple(
        Drift(
            way=way,
            effect=shift.effect,
            bound=BOUNDS[way],
            p=shift.p,
            p_adjusted=p,
            drifted=shift.effect > BOUNDS[way] and p < SIGNIFICANCE_LEVEL,
            sentence=shift.sentence,
        )
        for (way, shift), p in zip(found.items(), adjusted, strict=True)
    )


def _label_drift(before: Predictions, fresh: Predictions, labelled: bool) -> Shift:
    then, now = (
        side.labels if labelled else side.predicted(side.final) for side in (before, fresh)
    )
    return label_shift(then, now, before.label_names)


def _digest(answers: Predictions) -> str:
    rows = [answers.ids, [answers.label_names[label] for label in answers.labels]]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _agrees_with_teacher(answers: Predictions) -> Hits:
    same = answers.predicted(answers.teacher) == answers.predicted(answers.final)
    return np.asarray(same, dtype=np.bool_)
