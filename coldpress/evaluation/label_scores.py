"""Scores of models whose outputs are labels with probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from coldpress.data.encoding import EncodedSplit
from coldpress.data.splits import Split
from coldpress.evaluation import calibration, metrics
from coldpress.evaluation.candidate import Candidate
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import ClassScore
from coldpress.kinds.kind import Outputs, TaskKind
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
    rows = candidate.encode(validation)
    thresholds = fit_thresholds(candidate.outputs(rows), rows.targets)
    margins = partial(_margins, candidate, thresholds)
    return replace(candidate, outputs=margins, thresholds=thresholds)


def _margins(candidate: Candidate, thresholds: Thresholds, rows: EncodedSplit) -> Outputs:
    return np.asarray(candidate.outputs(rows) - thresholds)


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
    targets = predictions.targets
    return {
        "accuracy": scores.get("accuracy"),
        "macro_f1": scores["macro_f1"],
        "per_class": _per_class(predictions, model),
        "calibration_error": calibration.calibration_error(logits, targets),
        "reliability": calibration.reliability_bins(logits, targets),
    }


def _per_class(predictions: Predictions, model: str) -> dict[str, ClassScore]:
    """Score each label; add its threshold if it has one."""
    predicted = predictions.kind.predicted_targets(predictions.outputs[model])
    scores = metrics.per_class(predicted, predictions.targets, predictions.names)
    if not predictions.thresholds:
        return scores
    probabilities = (1 / (1 + np.exp(-np.asarray(predictions.thresholds[model])))).tolist()
    return {
        name: score.model_copy(update={"threshold": threshold})
        for (name, score), threshold in zip(scores.items(), probabilities, strict=True)
    }
