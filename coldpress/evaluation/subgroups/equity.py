"""Compare the final model with the teacher by class and slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Group
from coldpress.evaluation.statistics import paired
from coldpress.evaluation.subgroups.slices import Slice

Correct = NDArray[np.bool_]


def class_slices(predictions: Predictions) -> list[Slice]:
    """Return one slice per class that has rows: accuracy on it is the recall of the class."""
    groups = (
        Slice("class", f"label {name}", tuple(np.flatnonzero(predictions.labels == label).tolist()))
        for label, name in enumerate(predictions.label_names)
    )
    return [group for group in groups if group.rows]


def compare_groups(
    groups: Sequence[Slice], model: Correct, baseline: Correct, labels: NDArray[Any]
) -> tuple[Group, ...]:
    """Test each group for a loss, adjusted for the number of groups.

    Each group has a paired bootstrap interval of its difference and a one-sided exact McNemar test
    of a loss. The p-values of all groups are adjusted together (Holm). Groups with identical rows
    are tested once, under the first name: a second test would only make the adjustment stricter
    for every other group.

    Args:
        groups: Groups to compare; they may share rows.
        model: Whether the final model predicts each row correctly, shape (rows,).
        baseline: The same for the teacher, shape (rows,).
        labels: True class of each row, shape (rows,).

    Returns:
        One record per group with distinct rows, in the given order.
    """
    groups = list({group.rows: group for group in reversed(groups)}.values())[::-1]
    alpha = paired.SIGNIFICANCE_LEVEL / max(1, len(groups))
    records = []
    for group in groups:
        rows = list(group.rows)
        records.append(_compare_group(group, (model[rows], baseline[rows], labels[rows]), alpha))
    adjusted = paired.holm([record.p for record in records])
    return tuple(
        record.model_copy(update={"p_adjusted": p})
        for record, p in zip(records, adjusted, strict=True)
    )


def _compare_group(
    group: Slice, rows: tuple[Correct, Correct, NDArray[Any]], alpha: float
) -> Group:
    """Compare on the rows of one group: model correct, baseline correct, true classes."""
    model, baseline, _ = rows
    only_model = int((model & ~baseline).sum())
    only_baseline = int((baseline & ~model).sum())
    p = paired.mcnemar(only_model, only_baseline, "less")
    return Group(
        kind=group.kind,
        name=group.name,
        n=len(model),
        before=float(baseline.mean()),
        after=float(model.mean()),
        difference=paired.paired_interval(*rows),
        p=p,
        p_adjusted=p,
        detectable_drop=paired.detectable_drop(len(model), alpha),
    )
