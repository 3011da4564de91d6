"""Comparison of two models, by the exact or the bootstrap statistics that fit their task kind."""

from __future__ import annotations

from coldpress.evaluation.scorecard.base import Bounds
from coldpress.evaluation.scorecard.scorecard import Comparison
from coldpress.evaluation.statistics import metric_bootstrap, paired
from coldpress.kinds.kind import Outputs, TargetArray, TaskKind


def compare_outputs(
    names: tuple[str, str],
    kind: TaskKind,
    model: Outputs,
    baseline: Outputs,
    targets: TargetArray,
) -> Comparison:
    """Compare two models on the same samples by the first metric of their task kind.

    Args:
        names: Of the model and of the baseline.
        kind: Classifiers are compared by an exact test, other models by the bootstrap.
        model: Outputs of the model, shape (units, outputs).
        baseline: Outputs of the baseline, shape (units, outputs).
        targets: Of the same units.

    Returns:
        The difference; for classifiers with McNemar's test, and without the macro F1.
    """
    if kind.is_classification:
        model_correct = model.argmax(axis=1) == targets
        baseline_correct = baseline.argmax(axis=1) == targets
        return paired.compare_models(names, model_correct, baseline_correct, targets)
    return Comparison(
        model=names[0],
        baseline=names[1],
        n=metric_bootstrap.sample_count(kind, targets),
        difference=metric_bootstrap.metric_difference(kind, model, baseline, targets),
    )


def score_bounds(kind: TaskKind, outputs: Outputs, targets: TargetArray) -> Bounds | None:
    """Return the 95 % interval of the first metric.

    Args:
        kind: Task kind of the model.
        outputs: Shape (units, outputs).
        targets: Of the same units.

    Returns:
        None for classifiers: reports compute the interval of an accuracy from the number of rows.
    """
    if kind.is_classification:
        return None
    interval = metric_bootstrap.metric_interval(kind, outputs, targets)
    return Bounds(low=interval.low, high=interval.high)
