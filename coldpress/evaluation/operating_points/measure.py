"""Recall and false-positive rate of all models at their operating points, on the test texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from coldpress.data.splits import Split
from coldpress.evaluation.candidate import Candidate
from coldpress.evaluation.operating_points.cases import (
    Texts,
    find_cases,
    label_names,
    label_probabilities,
)
from coldpress.evaluation.operating_points.section import OperatingPointSection
from coldpress.evaluation.operating_points.threshold import choose_thresholds
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.final_model import TEACHER
from coldpress.evaluation.scorecard.operating_point import OperatingPoint, ShareChange
from coldpress.evaluation.statistics import paired
from coldpress.evaluation.statistics.exact_interval import exact_share


@dataclass(frozen=True)
class _Decisions:
    """Decisions of a model about one label.

    Attributes:
        threshold: Probability from which on the label is predicted.
        present: Whether each test text has the label, shape (texts,).
        hits: Whether each text gets the label; of one with words that have it, whether all of
            them do. Shape (texts,).
        flags: Whether each text, or any of its words, gets the label, shape (texts,).
    """

    threshold: float
    present: Texts
    hits: Texts
    flags: Texts


def measure_points(
    sections: Sequence[OperatingPointSection],
    candidates: Sequence[Candidate],
    predictions: Predictions,
    validation: Split,
) -> Mapping[str, tuple[OperatingPoint, ...]]:
    """Measure the operating points of all models on the test rows.

    Every model has thresholds of its own, chosen on validation; an exported file has them in its
    metadata. They do not change any prediction.

    Args:
        sections: The recipe's `evaluate.operating_points`.
        candidates: All models.
        predictions: Their outputs for the test rows.
        validation: Labelled rows that the models were not trained on.

    Returns:
        One record per operating point, by model.
    """
    if not sections:
        return {candidate.name: () for candidate in candidates}
    decided = {c.name: _decide(sections, c, predictions, validation) for c in candidates}
    teacher = decided.get(TEACHER, [None] * len(sections))
    return {
        name: tuple(
            _measure(section, ours, None if name == TEACHER else theirs)
            for section, ours, theirs in zip(sections, decisions, teacher, strict=True)
        )
        for name, decisions in decided.items()
    }


def _decide(
    sections: Sequence[OperatingPointSection],
    candidate: Candidate,
    predictions: Predictions,
    validation: Split,
) -> list[_Decisions]:
    """Return the decisions of a model at each operating point."""
    thresholds = candidate.point_thresholds
    if thresholds is None:
        thresholds = _fit_thresholds(sections, candidate, predictions, validation)
    kind = predictions.kind
    labels = label_names(kind, predictions.names)
    probabilities = label_probabilities(kind, predictions.logits(candidate.name))
    cases = [
        find_cases(kind, probabilities, predictions.targets, labels.index(section.label))
        for section in sections
    ]
    return [
        _Decisions(threshold, case.present, case.lowest >= threshold, case.highest >= threshold)
        for threshold, case in zip(thresholds, cases, strict=True)
    ]


def _fit_thresholds(
    sections: Sequence[OperatingPointSection],
    candidate: Candidate,
    predictions: Predictions,
    validation: Split,
) -> tuple[float, ...]:
    """Choose the thresholds of a model on validation."""
    shift = 0.0 if candidate.thresholds is None else candidate.thresholds
    logits = np.asarray(candidate.outputs(validation) + shift)
    targets = validation.target_array
    return choose_thresholds(sections, predictions.kind, predictions.names, logits, targets)


def _measure(
    section: OperatingPointSection, model: _Decisions, teacher: _Decisions | None
) -> OperatingPoint:
    present, hits = model.present, model.hits
    flag_count = int(model.flags.sum())
    point = OperatingPoint(
        **section.model_dump(),
        threshold=model.threshold,
        recall=exact_share(int((hits & present).sum()), int(present.sum())),
        false_positive_rate=exact_share(int((hits & ~present).sum()), int((~present).sum())),
        precision=int((model.flags & present).sum()) / flag_count if flag_count else None,
    )
    if teacher is None:
        return point
    changes = {
        "recall_change": _change(hits[present], teacher.hits[present], "less"),
        "false_positive_rate_change": _change(hits[~present], teacher.hits[~present], "more"),
    }
    return point.model_copy(update=changes)


def _change(model: Texts, teacher: Texts, worse: str) -> ShareChange:
    """Compare the shares of two models on the same texts.

    Args:
        model: Whether the model gives the label, shape (texts,).
        teacher: The same for the teacher.
        worse: Whether `less` or `more` texts would be a loss.

    Returns:
        The difference with its interval, and the p-value of a loss.
    """
    difference = paired.paired_interval(model, teacher, np.zeros(len(model)))
    only_model = int((model & ~teacher).sum())
    only_teacher = int((teacher & ~model).sum())
    won, lost = (only_model, only_teacher) if worse == "less" else (only_teacher, only_model)
    p = paired.mcnemar(won, lost, "less")
    return ShareChange(estimate=difference.estimate, low=difference.low, high=difference.high, p=p)
