"""Recall and false-positive rate of all models at their operating points, on the test rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldpress.data.splits import Split
from coldpress.evaluation.candidate import Candidate
from coldpress.evaluation.operating_points.section import OperatingPointSection, label_present
from coldpress.evaluation.operating_points.threshold import choose_thresholds, label_probabilities
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.operating_point import OperatingPoint, ShareChange
from coldpress.evaluation.statistics import paired
from coldpress.evaluation.statistics.exact_interval import exact_share

Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class _Decisions:
    """Decisions of a model about one label.

    Attributes:
        threshold: Probability from which on the label is predicted.
        predicted: Whether each test row gets the label, shape (rows,).
    """

    threshold: float
    predicted: Rows


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
        candidates: All models, the teacher first.
        predictions: Their outputs for the test rows.
        validation: Labelled rows that the models were not trained on.

    Returns:
        One record per operating point, by model.
    """
    if not sections:
        return {candidate.name: () for candidate in candidates}
    decided = {c.name: _decide(sections, c, predictions, validation) for c in candidates}
    teacher = decided[candidates[0].name]
    return {
        candidate.name: tuple(
            _measure(
                section,
                ours,
                None if candidate is candidates[0] else theirs,
                label_present(predictions.targets, predictions.names.index(section.label)),
            )
            for section, ours, theirs in zip(
                sections, decided[candidate.name], teacher, strict=True
            )
        )
        for candidate in candidates
    }


def _decide(
    sections: Sequence[OperatingPointSection],
    candidate: Candidate,
    predictions: Predictions,
    validation: Split,
) -> list[_Decisions]:
    """Return the decisions of a model at each operating point."""
    activation = predictions.kind.activation
    thresholds = candidate.point_thresholds
    if thresholds is None:
        rows = candidate.encode(validation)
        shift = 0.0 if candidate.thresholds is None else candidate.thresholds
        logits = np.asarray(candidate.outputs(rows) + shift)
        probabilities = label_probabilities(logits, activation)
        thresholds = choose_thresholds(sections, predictions.names, probabilities, rows.targets)
    scores = label_probabilities(predictions.logits(candidate.name), activation)
    labels = [predictions.names.index(section.label) for section in sections]
    return [
        _Decisions(threshold, scores[:, label] >= threshold)
        for label, threshold in zip(labels, thresholds, strict=True)
    ]


def _measure(
    section: OperatingPointSection, model: _Decisions, teacher: _Decisions | None, present: Rows
) -> OperatingPoint:
    predicted = model.predicted
    hits = int((predicted & present).sum())
    false_positives = int((predicted & ~present).sum())
    point = OperatingPoint(
        **section.model_dump(),
        threshold=model.threshold,
        recall=exact_share(hits, int(present.sum())),
        false_positive_rate=exact_share(false_positives, int((~present).sum())),
        precision=hits / (hits + false_positives) if predicted.any() else None,
    )
    if teacher is None:
        return point
    changes = {
        "recall_change": _change(predicted[present], teacher.predicted[present], "less"),
        "false_positive_rate_change": _change(
            predicted[~present], teacher.predicted[~present], "more"
        ),
    }
    return point.model_copy(update=changes)


def _change(model: Rows, teacher: Rows, worse: str) -> ShareChange:
    """Compare the shares of two models on the same rows.

    Args:
        model: Whether the model gives the label, shape (rows,).
        teacher: The same for the teacher.
        worse: Whether `less` or `more` rows would be a loss.

    Returns:
        The difference with its interval, and the p-value of a loss.
    """
    difference = paired.paired_interval(model, teacher, np.zeros(len(model)))
    only_model = int((model & ~teacher).sum())
    only_teacher = int((teacher & ~model).sum())
    won, lost = (only_model, only_teacher) if worse == "less" else (only_teacher, only_model)
    p = paired.mcnemar(won, lost, "less")
    return ShareChange(estimate=difference.estimate, low=difference.low, high=difference.high, p=p)
