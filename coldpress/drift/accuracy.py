"""Compare a model's accuracy on new rows with that on its test rows.

For kinds without classes, the mean row score takes the place of the accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coldpress.drift.proportions import compare_row_scores, mean_interval
from coldpress.drift.result import AccuracyChange, ShareDifference
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Comparison, Interval
from coldpress.evaluation.statistics import paired
from coldpress.evaluation.statistics.metric_bootstrap import loss_p_value, mean_difference
from coldpress.evaluation.statistics.paired import TAIL
from coldpress.evaluation.wording import points, significance_verdict
from coldpress.kinds.kind import RowScores, TargetArray, TaskKind

MIN_LOSS = 0.01
"""Smallest loss that is reported: with many rows even a negligible one is significant."""


def compare_accuracy(before: Predictions, fresh: Predictions) -> AccuracyChange:
    """Compare a model's mean row score on new rows with that on its test rows.

    Rows that are in both sets, with the same text and target, are compared pairwise: there only the
    model or its runtime can have changed. All other rows are an independent sample.

    Args:
        before: Predictions for the test rows.
        fresh: Predictions for the new rows; kind and names are the same.

    Returns:
        The model is worse if one of the two 95 % intervals lies below 0 and the loss is at least a
        point; on the same rows, only if a test confirms it, since an interval of few rows is too
        narrow. If nothing was lost, each of the two is wrong in at most 2.5 of 100 cases.
    """
    binary = before.kind.is_classification
    old = before.row_scores(before.final)
    new = fresh.row_scores(fresh.final, before.scale)
    pairs = _match_rows(before, fresh)
    unmatched = np.setdiff1d(np.arange(len(fresh.ids)), pairs[:, 1])
    then, now = old[pairs[:, 0]], new[pairs[:, 1]]
    same = _compare_same_rows(then, now, fresh.targets[pairs[:, 1]], binary)
    independent = compare_row_scores(new[unmatched], old, binary) if len(unmatched) else None
    return AccuracyChange(
        fresh=_interval(new, binary),
        others=independent,
        same=same,
        worse=_is_lower_on_others(independent)
        # For classification, the verdict on the same rows contains McNemar's test.
        or (_is_lower_on_same(same) and (binary or loss_p_value(now, then) < TAIL)),
        sentence=" ".join(_sentences(before.kind, independent, same)),
        metric=before.kind.row_metric.name,
    )


def _interval(scores: RowScores, binary: bool) -> Interval:
    if not binary:
        return mean_interval(scores)
    return paired.accuracy_interval(int(scores.sum()), len(scores))


def _match_rows(before: Predictions, fresh: Predictions) -> NDArray[np.int64]:
    """Find the rows with the same text and target: (test row, new row), shape (pairs, 2)."""
    row_by_key = {key: row for row, key in enumerate(_row_keys(before))}
    pairs = [
        (row_by_key[key], row) for row, key in enumerate(_row_keys(fresh)) if key in row_by_key
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _row_keys(predictions: Predictions) -> Sequence[tuple[str, str]]:
    return list(zip(predictions.ids, predictions.target_texts, strict=True))


def _compare_same_rows(
    before: RowScores, fresh: RowScores, targets: TargetArray, binary: bool
) -> Comparison | None:
    """Compare the scores of the same rows then and now; None without such rows."""
    if not len(targets):
        return None
    if binary:
        return paired.compare_models(("now", "then"), fresh == 1, before == 1, targets)
    difference = mean_difference(fresh, before)
    return Comparison(model="now", baseline="then", n=len(targets), difference=difference)


def _is_lower_on_others(independent: ShareDifference | None) -> bool:
    if independent is None:
        return False
    return independent.difference.high < 0 and independent.difference.estimate <= -MIN_LOSS


def _is_lower_on_same(same: Comparison | None) -> bool:
    if same is None:
        return False
    return significance_verdict(same) == "worse" and same.difference.estimate <= -MIN_LOSS


def _sentences(
    kind: TaskKind, independent: ShareDifference | None, same: Comparison | None
) -> list[str]:
    sentences = []
    title = kind.row_metric.title.capitalize()
    if independent is not None:
        difference = independent.difference
        sentences.append(
            f"{title} on {independent.n} rows outside its test split is "
            f"{points(independent.fresh.estimate)} %, in its scorecard "
            f"{points(independent.before.estimate)} %: {points(difference.estimate)} points, "
            f"95 % interval {points(difference.low)} to {points(difference.high)}."
        )
    if same is not None and not kind.is_classification:
        change = points(same.difference.estimate)
        sentences.append(f"{title} on {same.n} rows of its test split changed by {change} points.")
    elif same is not None:
        sentences.append(
            f"Of {same.n} rows of its test split, {same.only_baseline_right} were predicted "
            f"correctly then and wrongly now, {same.only_model_right} the other way round."
        )
    return sentences
