"""Who pays for the compression: the final model against the teacher, group by group."""

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


def class_slices(answers: Predictions) -> list[Slice]:
    """Make a group of the rows of each label: accuracy on them is the label's recall.

    Args:
        answers: Bring labels and their names.

    Returns:
        The labels that have rows, in their order.
    """
    groups = (
        Slice("class", f"label {name}", tuple(np.flatnonzero(answers.labels == label).tolist()))
        for label, name in enumerate(answers.label_names)
    )
    return [group for group in groups if group.rows]


def compare_groups(
    groups: Sequence[Slice], model: Correct, baseline: Correct, labels: NDArray[Any]
) -> tuple[Group, ...]:
    """Judge a loss in each of several groups, corrected for how many they are.

    Each group has a paired bootstrap interval of its difference and a one-sided exact McNemar test
    of a loss. The tests of all groups are corrected together (Holm). Groups of the very same rows
    are one question, asked once under the first name: asked twice, it would make the correction
    harsher for every other group.

    Args:
        groups: All that are looked at; they may share rows.
        model: Whether the final model answers each row rightly, shape (rows,).
        baseline: The same for the teacher.
        labels: True class of each row, shape (rows,).

    Returns:
        One record a group of other rows, in their order.
    """
    groups = list({group.rows: group for group in reversed(groups)}.values())[::-1]
    alpha = paired.SIGNIFICANCE_LEVEL / max(1, len(groups))
    judged = []
    for group in groups:
        rows = list(group.rows)
        judged.append(_compare_group(group, (model[rows], baseline[rows], labels[rows]), alpha))
    adjusted = paired.holm([group.p for group in judged])
    corrected = zip(judged, adjusted, strict=True)
    return tuple(group.model_copy(update={"p_adjusted": p}) for group, p in corrected)


def _compare_group(
    group: Slice, rows: tuple[Correct, Correct, NDArray[Any]], alpha: float
) -> Group:
    """Judge one group on its own rows: the model's, the baseline's and the true classes."""
    model, baseline, _ = rows
    lost, won = int((baseline & ~model).sum()), int((model & ~baseline).sum())
    p = paired.mcnemar(won, lost, "less")
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
