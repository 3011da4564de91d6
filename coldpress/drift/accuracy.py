"""Does a model answer fresh rows as rightly as those that its scorecard is of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coldpress.drift.proportions import against
from coldpress.drift.result import Accuracy, Against
from coldpress.evaluation.predictions import Answers
from coldpress.evaluation.scorecard.scorecard import Comparison
from coldpress.evaluation.statistics import paired
from coldpress.evaluation.wording import points, standing

LEAST_LOSS = 0.01
"""Of a loss of less, many rows can be sure; nobody has to be woken for it."""


def compare(before: Answers, fresh: Answers) -> Accuracy:
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
    pairs = _pairs(before, fresh)
    alone = np.setdiff1d(np.arange(len(fresh.ids)), pairs[:, 1])
    same = _same(before, fresh, pairs) if len(pairs) else None
    others = against(right[alone], before.right(before.final)) if len(alone) else None
    return Accuracy(
        fresh=paired.accuracy_interval(int(right.sum()), len(right)),
        others=others,
        same=same,
        worse=_lost(others) or _worse(same),
        sentence=" ".join(_sentences(others, same)),
    )


def _pairs(before: Answers, fresh: Answers) -> NDArray[np.int64]:
    """Find the rows with the same text and label, as (row before, fresh row)."""
    known = {key: row for row, key in enumerate(_keys(before))}
    found = [(known[key], row) for row, key in enumerate(_keys(fresh)) if key in known]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _keys(answers: Answers) -> Sequence[tuple[str, str]]:
    names = (answers.label_names[label] for label in answers.labels)
    return list(zip(answers.ids, names, strict=True))


def _same(before: Answers, fresh: Answers, pairs: NDArray[np.int64]) -> Comparison:
    then, now = pairs.T
    right = fresh.right(fresh.final)[now], before.right(before.final)[then]
    return paired.compare(("now", "then"), *right, fresh.labels[now])


def _lost(others: Against | None) -> bool:
    if others is None:
        return False
    return others.difference.high < 0 and others.difference.estimate <= -LEAST_LOSS


def _worse(same: Comparison | None) -> bool:
    if same is None:
        return False
    return standing(same) == "worse" and same.difference.estimate <= -LEAST_LOSS


def _sentences(others: Against | None, same: Comparison | None) -> list[str]:
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
