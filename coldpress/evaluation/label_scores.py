"""Scores of models whose outputs are labels with probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from coldpress.data.splits import Split
from coldpress.evaluation import calibration, metrics
from coldpress.evaluation.candidate import Candidate
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import ClassScore
from coldpress.kinds.kind import Outputs, TaskKind
from coldpress.kinds.label_targets import label_targets
from coldpress.kinds.tags import entity_types, find_entities
from coldpress.kinds.thresholds import Thresholds, fit_thresholds


def with_thresholds(candidate: Candidate, kind: TaskKind, validation: Split) -> Candidate:
    """Fit thresholds on validation if a candidate's labels need some and have none.

    An exported file has its own. Every other model is evaluated with those that it would have been
    exported with.

    Args:
        candidate: Its outputs are logits, or margins if it has thresholds.
        kind: Task kind of the model.
        validation: Labelled rows that the model was not trained on.

    Returns:
        A candidate whose outputs are margins; for kinds without thresholds, the argument.
    """
    if kind.activation != "sigmoid" or candidate.thresholds is not None:
        return candidate
    thresholds = fit_thresholds(candidate.outputs(validation), validation.target_array)
    margins = partial(_margins, candidate, thresholds)
    return replace(candidate, outputs=margins, thresholds=thresholds)


def _margins(candidate: Candidate, thresholds: Thresholds, split: Split) -> Outputs:
    return np.asarray(candidate.outputs(split) - thresholds)


def all_scores(predictions: Predictions, model: str) -> dict[str, float]:
    """Return all metrics of the task kind, by name.

    Args:
        predictions: With targets.
        model: Name of the model.
    """
    kind = predictions.kind
    scores = kind.scores(predictions.outputs[model], predictions.targets)
    if kind.activation == "sigmoid":
        # Margins do not rank the labels of a row; probabilities do.
        ranking = metrics.ranking_average_precision(predictions.logits(model), predictions.targets)
        scores["ranking_average_precision"] = ranking
    return scores


def label_fields(
    predictions: Predictions, model: str, scores: Mapping[str, float]
) -> dict[str, Any]:
    """Return the fields of a scorecard that only kinds with labels have.

    Args:
        predictions: With targets.
        model: Name of the model.
        scores: Its metrics.

    Returns:
        Empty for other kinds.
    """
    if not predictions.kind.has_labels:
        return {}
    logits = predictions.logits(model)
    targets = label_targets(predictions.kind, predictions.targets)
    return {
        "accuracy": scores.get("accuracy"),
        "macro_f1": scores.get("macro_f1"),
        "per_class": _per_class(predictions, model),
        "calibration_error": calibration.calibration_error(logits, targets),
        "reliability": calibration.reliability_bins(logits, targets),
    }


def _per_class(predictions: Predictions, model: str) -> dict[str, ClassScore]:
    """Score each label, or each type of entities; add a label's threshold if it has one."""
    if predictions.kind.head == "tokens":
        return _per_type(predictions, model)
    predicted = predictions.kind.predicted_targets(predictions.outputs[model])
    scores = metrics.per_class(predicted, predictions.targets, predictions.names)
    if not predictions.thresholds:
        return scores
    probabilities = (1 / (1 + np.exp(-np.asarray(predictions.thresholds[model])))).tolist()
    return {
        name: score.model_copy(update={"threshold": threshold})
        for (name, score), threshold in zip(scores.items(), probabilities, strict=True)
    }


def _per_type(predictions: Predictions, model: str) -> dict[str, ClassScore]:
    """Score the entities of each type; n is the number of true ones."""
    texts = predictions.targets[:, 1]
    tags = predictions.kind.predicted_targets(predictions.outputs[model])
    predicted, true = (find_entities(t, texts) for t in (tags, predictions.targets[:, 0]))
    names = entity_types(predictions.names)
    correct = predicted.types[predicted.are_in(true)]
    counts = [
        np.bincount(types, minlength=len(names)).tolist()
        for types in (correct, predicted.types, true.types)
    ]
    return {name: _type_score(*numbers) for name, *numbers in zip(names, *counts, strict=True)}


def _type_score(correct: int, predicted: int, true: int) -> ClassScore:
    return ClassScore(
        n=true,
        precision=correct / predicted if predicted else None,
        recall=correct / true if true else None,
        f1=2 * correct / (predicted + true) if predicted + true else None,
    )
