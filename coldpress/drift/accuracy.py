"""Compare a model's accuracy on new rows with the accuracy in its scorecard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coldpress.drift.proportions import compare_shares
from coldpress.drift.result import AccuracyChange, ShareDifference
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Comparison
from coldpress.evaluation.statistics import paired
from coldpress.evaluation.wording import points, significance_verdict

MIN_LOSS = 0.01
"""Smallest loss that is reported: with many rows even a negligible one is significant."""


def compare_accuracy(before: Predictions, fresh: Predictions) -> AccuracyChange:
    """Compare a model's accuracy on new rows with that on its test rows.

    Rows that are in both sets, with the same text and label, are compared pairwise: there only the
    model or its runtime can have changed. All other rows are an independent sample.

    Args:
        before: Predictions for the test rows.
        fresh: Predictions for the new rows; the label names are the same.

    Returns:
        The model is worse if one of the two 95 % intervals lies below 0 and the loss is at least a
        point. If nothing was lost, each interval is wrong in at most 2.5 of 100 cases.
    """
    correct = fresh.correct(fresh.final)
    pairs = _match_rows(before, fresh)
    unmatched = np.setdiff1d(np.arange(len(fresh.ids)), pairs[:, 1])
    same = _compare_same_rows(before, fresh, pairs) if len(pairs) else None
    independent = (
        compare_shares(correct[unmatched], before.correct(before.final)) if len(unmatched) else None
    )
    return AccuracyChange(
        fresh=paired.accuracy_interval(int(correct.sum()), len(correct)),
        others=independent,
        same=same,
        worse=_is_lower_on_others(independent) or _is_lower_on_same(same),
        sentence=" ".join(_sentences(independent, same)),
    )


def _match_rows(before: Predictions, fresh: Predictions) -> NDArray[np.int64]:
    """Find the rows with the same text and label: (test row, new row), shape (pairs, 2)."""
    row_by_key = {key: row for row, key in enumerate(_row_keys(before))}
    pairs = [
        (row_by_key[key], row) for row, key in enumerate(_row_keys(fresh)) if key in row_by_key
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _row_keys(predictions: Predictions) -> Sequence[tuple[str, str]]:
    names = (predictions.label_names[label] for label in predictions.labels)
    return list(zip(predictions.ids, names, strict=True))


def _compare_same_rows(
    before: Predictions, fresh: Predictions, pairs: NDArray[np.int64]
) -> Comparison:
    old_rows, new_rows = pairs.T
    return paired.compare_models(
        ("now", "then"),
        fresh.correct(fresh.final)[new_rows],
        before.correct(before.final)[old_rows],
        fresh.labels[new_rows],
    )


def _is_lower_on_others(independent: ShareDifference | None) -> bool:
    if independent is None:
        return False
    return independent.difference.high < 0 and independent.difference.estimate <= -MIN_LOSS


def _is_lower_on_same(same: Comparison | None) -> bool:
    if same is None:
        return False
    return significance_verdict(same) == "worse" and same.difference.estimate <= -MIN_LOSS


def _sentences(independent: ShareDifference | None, same: Comparison | None) -> list[str]:
    sentences = []
    if independent is not None:
        difference = independent.difference
        sentences.append(
            f"Accuracy on {independent.n} rows outside its test split is "
            f"{points(independent.fresh.estimate)} %, in its scorecard "
            f"{points(independent.before.estimate)} %: {points(difference.estimate)} points, "
            f"95 % interval {points(difference.low)} to {points(difference.high)}."
        )
    if same is not None:
        sentences.append(
            f"Of {same.n} rows of its test split, {same.only_baseline_right} were predicted "
            f"correctly then and wrongly now, {same.only_model_right} the other way round."
        )
    return sentences
