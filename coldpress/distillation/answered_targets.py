"""Soft targets that are answers from files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from coldpress.distillation.soft_targets import SoftTargets
from coldpress.teacher.answers.table import AnsweredRows


def join_answers(parts: Sequence[AnsweredRows]) -> SoftTargets:
    """Make soft targets of answers.

    Args:
        parts: Training rows and others, in the order in which students learn from them. A row that
            occurs twice has the answer of its first occurrence.

    Returns:
        The logarithms of probabilities as logits, which differ from others by a constant; numbers
        and vectors as they are. If a row has several units, the number of each row's units, too.
    """
    outputs: dict[str, np.ndarray] = {}
    for part in parts:
        for name, output in zip(part.split.ids, part.outputs, strict=True):
            outputs.setdefault(name, output)
    several = any(part.split.words is not None for part in parts)
    counts = torch.tensor([len(output) for output in outputs.values()])
    return SoftTargets(
        ids=tuple(outputs),
        logits=torch.from_numpy(np.concatenate(list(outputs.values()))).half(),
        units=counts if several else None,
        unanswered=frozenset().union(*(part.unanswered for part in parts)) - outputs.keys(),
    )
