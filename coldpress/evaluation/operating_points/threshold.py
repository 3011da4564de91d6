"""The threshold of an operating point, chosen on validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coldpress.evaluation.operating_points.cases import (
    Cases,
    find_cases,
    label_names,
    label_probabilities,
)
from coldpress.evaluation.operating_points.section import OperatingPointSection
from coldpress.kinds.kind import Outputs, TargetArray, TaskKind


def choose_thresholds(
    sections: Sequence[OperatingPointSection],
    kind: TaskKind,
    names: Sequence[str],
    logits: Outputs,
    targets: TargetArray,
) -> tuple[float, ...]:
    """Choose the smallest threshold of each operating point, which has the largest recall.

    Args:
        sections: The operating points.
        kind: Task kind of the model.
        names: Names of its outputs.
        logits: Divided by the temperature, shape (units, outputs), of rows that the model was not
            trained on.
        targets: As in `Split.target_array`.

    Returns:
        Probabilities from which on a label is predicted. 1 if no smaller one keeps the condition.
    """
    labels = label_names(kind, names)
    probabilities = label_probabilities(kind, logits)
    return tuple(
        _choose_threshold(
            section, find_cases(kind, probabilities, targets, labels.index(section.label))
        )
        for section in sections
    )


def _choose_threshold(section: OperatingPointSection, cases: Cases) -> float:
    scores, present = cases.highest, cases.present
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    hits = np.cumsum(present[order])
    predicted = np.arange(1, len(scores) + 1)
    if section.min_precision is None:
        false_positives = predicted - hits
        kept = false_positives <= (section.max_false_positive_rate or 0.0) * (~present).sum()
    else:
        kept = hits >= section.min_precision * predicted
    # Texts with equal scores are predicted together.
    kept[:-1] &= ranked[:-1] > ranked[1:]
    last = np.flatnonzero(kept).max(initial=-1)
    if last < 0:
        return 1.0
    below = ranked[last + 1] if last + 1 < len(ranked) else 0.0
    return float((ranked[last] + below) / 2)
