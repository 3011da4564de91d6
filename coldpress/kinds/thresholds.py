"""Thresholds from which on labels apply, chosen for the largest micro F1 of some rows.

Outputs minus the thresholds of their labels are called margins: a label is predicted if its margin
is at least 0. Everything that depends on which labels are predicted reads margins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coldpress.kinds.kind import Outputs, TargetArray, TaskKind

MIN_LABELLED_ROWS = 20
"""A label in fewer rows gets the best common threshold: its own would follow single rows."""

_MAX_THRESHOLD = 16.0
"""Largest absolute threshold: with more, its probability would be 0 or 1 in single precision."""
_TOLERANCE = 1e-12

Thresholds = NDArray[np.float64]
"""Threshold of the output of each label, shape (labels,)."""


def fit_thresholds(outputs: Outputs, targets: TargetArray) -> Thresholds:
    """Choose the thresholds of labels that apply independently.

    Micro F1 is 2 hits / (predicted + present), over all labels. The largest such ratio is found by
    Dinkelbach's method ("On nonlinear fractional programming", 1967): given a ratio F, the
    thresholds that maximize 2 hits - F predicted, which each label can do on its own, have a larger
    ratio unless F is the largest.

    Args:
        outputs: Shape (rows, labels).
        targets: 0 or 1, shape (rows, labels), of rows that the model was not trained on.

    Returns:
        From -16 to 16.
    """
    values = np.asarray(outputs, dtype=np.float64)
    own = _maximize_f1(values, targets)
    common = _maximize_f1(values.reshape(-1, 1), targets.reshape(-1, 1))
    frequent = targets.sum(axis=0) >= MIN_LABELLED_ROWS
    return np.clip(np.where(frequent, own, common), -_MAX_THRESHOLD, _MAX_THRESHOLD)


def fitted_margins(kind: TaskKind, outputs: Outputs, targets: TargetArray) -> Outputs:
    """Return margins with thresholds fitted on the same rows; of other kinds, the outputs.

    For selection on validation: models are compared at the best thresholds of each.

    Args:
        kind: Task kind of the rows.
        outputs: Shape (rows, outputs).
        targets: As in `Split.target_array`.
    """
    if kind.activation != "sigmoid":
        return outputs
    return np.asarray(outputs - fit_thresholds(outputs, targets))


def _maximize_f1(outputs: NDArray[np.float64], targets: TargetArray) -> Thresholds:
    """Return the thresholds with the largest micro F1, shape (labels,)."""
    best = 0.0
    while True:
        thresholds = np.array(
            [_best_cut(*label, best) for label in zip(outputs.T, targets.T, strict=True)]
        )
        predicted = outputs >= thresholds
        hits = int((predicted & (targets == 1)).sum())
        score = 2 * hits / max(1, int(predicted.sum()) + int(targets.sum()))
        if score <= best + _TOLERANCE:
            return thresholds
        best = score


def _best_cut(outputs: NDArray[np.float64], targets: TargetArray, share: float) -> float:
    """Return the threshold of one label that maximizes 2 hits - share * predicted rows."""
    order = np.argsort(-outputs, kind="stable")
    ranked = outputs[order]
    hits = np.concatenate([[0], np.cumsum(targets[order])])
    gains = 2.0 * hits - share * np.arange(len(hits))
    # Rows with equal outputs are predicted together.
    gains[1:-1][ranked[:-1] == ranked[1:]] = -np.inf
    count = int(gains.argmax())
    above = ranked[count - 1] if count else ranked[0] + 2
    below = ranked[count] if count < len(ranked) else ranked[-1] - 2
    return float((above + below) / 2)
