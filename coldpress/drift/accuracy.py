"""Does a model answer fresh rows as rightly as those that its scorecard is of."""

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
"""Of a loss of less, many rows can be sure; nobody has to be woken for it."""


def compare_accuracy(before: Predictions, fresh: Predictions) -> AccuracyChange:
    """Compare a model's accuracy on fresh rows with that on the rows it was judged on.

    Rows that are among both, by text and label, are compared with themselves: there only the model
    or what computes it can have changed. All others are another sample.

    Args:
        before: What it answered when it was judged.
        fresh: What it answers now; its label names are the same.

    Returns:
        It is worse where one of the two 95 % intervals lies below 0 and the loss is at least a
        point: each is wrong in 2.5 of 100 cases at most where nothing was lost.
    """
    right = fresh.right(fresh.final)
    pairs = _match_rows(before, fresh)
    alone = np.setdiff1d(np.arange(len(fresh.ids)), pairs[:, 1])
    same = _compare_same_rows(before, fresh, pairs) if len(pairs) else None
    others = compare_shares(right[alone], before.right(before.final)) if len(alone) else None
    return AccuracyChange(
        fresh=paired.accuracy_interval(int(right.sum()), len(right)),
        others=others,
        same=same,
        worse=_is_lower_on_others(others) or _is_lower_on_same(same),
        sentence=" ".join(_sentences(others, same)),
    )


def _match_rows(before: Predictions, fresh: Predictions) -> NDArray[np.int64]:
    """Find the rows with the same text and label, as (row before, fresh row)."""
    known = {key: row for row, key in enumerate(_row_keys(before))}
    found = [(known[key], row) for row, key in enumerate(_row_keys(fresh)) if key in known]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _row_keys(answers: Predictions) -> Sequence[tuple[str, str]]:
    names = (answers.label_names[label] for label in answers.labels)
    return list(zip(answers.ids, names, strict=True))


def _compare_same_rows(
    before: Predictions, fresh: Predictions, pairs: NDArray[np.int64]
) -> Comparison:
    then, now = pairs.T
    right = fresh.right(fresh.final)[now], before.right(before.final)[then]
    return paired.compare_models(("now", "then"), *right, fresh.labels[now])


def _is_lower_on_others(others: ShareDifference | None) -> bool:
    if others is None:
        return False
    return others.difference.high < 0 and others.difference.estimate <= -MIN_LOSS


def _is_lower_on_same(same: Comparison | None) -> bool:
    if same is None:
        return False
    return significance_verdict(same) == "worse" and same.difference.estimate <= -MIN_LOSS


def _sentences(others: ShareDifference | None, same: Comparison | None) -> list[str]:
    told = []
    if others is not None:
        gap, n = others.difference, others.n
        told.append(
            f"Of {n} rows that it was not judged on it answers "
            f"{points(others.fresh.estimate)} % rightly, where its scorecard says "
            f"{points(others.before.estimate)} %: "
            f"{points(gap.estimate)} points, 95 % interval {points(gap.low)} to {points(gap.high)}."
        )
    if same is not None:
        lost, won = same.only_baseline_right, same.only_model_right
        told.append(
            f"Of {same.n} rows that it was judged on, it answers {lost} wrongly that it answered "
            f"rightly then, and {won} the other way round."
        )
    return told
