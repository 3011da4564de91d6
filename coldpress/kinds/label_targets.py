"""The labels within targets."""

from __future__ import annotations

from coldpress.kinds.kind import TargetArray, TaskKind


def label_targets(kind: TaskKind, targets: TargetArray) -> TargetArray:
    """Return the labels of units, without what else their targets contain.

    Args:
        kind: A kind with labels.
        targets: As in `Split.target_array`.

    Returns:
        Label indices of shape (units,), such as tags of words; or 0 or 1 for every label, shape
        (units, labels).
    """
    return targets[:, 0] if kind.head == "tokens" else targets
