"""The threshold of an operating point, chosen on validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from coldpress.evaluation.operating_points.section import OperatingPointSection, label_present
from coldpress.kinds.kind import Activation, Outputs, TargetArray


def label_probabilities(logits: Outputs, activation: Activation) -> NDArray[np.float64]:
    """Return the probability of every label, as a prediction contains it.

    Args:
        logits: Divided by the temperature, shape (rows, labels).
        activation: That of the task kind.
    """
    values = logits.astype(np.float64)
    return np.asarray(expit(values) if activation == "sigmoid" else softmax(values, axis=1))


def choose_thresholds(
    sections: Sequence[OperatingPointSection],
    names: Sequence[str],
    probabilities: NDArray[np.float64],
    targets: TargetArray,
) -> tuple[float, ...]:
    """Choose the smallest threshold of each operating point, which has the largest recall.

    Args:
        sections: The operating points.
        names: Label names.
        probabilities: Shape (rows, labels), of rows that the model was not trained on.
        targets: As in `Split.target_array`.

    Returns:
        Probabilities from which on a label is predicted. 1 if no smaller one keeps the condition.
    """
    labels = [list(names).index(section.label) for section in sections]
    return tuple(
        _choose_threshold(section, probabilities[:, label], label_present(targets, label))
        for section, label in zip(sections, labels, strict=True)
    )


def _choose_threshold(
    section: OperatingPointSection, scores: NDArray[np.float64], present: NDArray[np.bool_]
) -> float:
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    hits = np.cumsum(present[order])
    predicted = np.arange(1, len(scores) + 1)
    if section.min_precision is None:
        false_positives = predicted - hits
        kept = false_positives <= (section.max_false_positive_rate or 0.0) * (~present).sum()
    else:
        kept = hits >= section.min_precision * predicted
    # Rows with equal scores are predicted together.
    kept[:-1] &= ranked[:-1] > ranked[1:]
    last = np.flatnonzero(kept).max(initial=-1)
    if last < 0:
        return 1.0
    below = ranked[last + 1] if last + 1 < len(ranked) else 0.0
    return float((ranked[last] + below) / 2)
