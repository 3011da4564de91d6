"""Interval of the gated metric of a single model."""

from __future__ import annotations

from coldpress.evaluation.scorecard.scorecard import Interval, Scorecard
from coldpress.evaluation.statistics.metric_bootstrap import metric_interval
from coldpress.evaluation.statistics.paired import accuracy_interval
from coldpress.kinds.kind import Outputs, TargetArray, TaskKind


def card_interval(card: Scorecard, rows: int) -> Interval:
    """95 % interval of a model's gated metric.

    Args:
        card: Scorecard of the model.
        rows: Number of test rows.

    Returns:
        The interval that the evaluation stored; for an accuracy, that of so many rows.
    """
    bounds = card.score_interval
    if bounds is None:
        return accuracy_interval(round(card.score * rows), rows)
    return Interval(estimate=card.score, low=bounds.low, high=bounds.high)


def outputs_interval(kind: TaskKind, outputs: Outputs, targets: TargetArray) -> Interval:
    """95 % interval of the first metric of some outputs.

    Args:
        kind: Task kind of the model.
        outputs: Shape (units, outputs).
        targets: Of the same units.

    Returns:
        Wilson's interval for an accuracy; for other metrics that of the bootstrap.
    """
    if kind.is_classification:
        rows = len(targets)
        return accuracy_interval(round(kind.main_score(outputs, targets) * rows), rows)
    return metric_interval(kind, outputs, targets)
