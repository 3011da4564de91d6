"""Interval of the gated metric of a single model."""

from __future__ import annotations

from coldpress.evaluation.scorecard.scorecard import Interval, Scorecard
from coldpress.evaluation.statistics.paired import accuracy_interval


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
