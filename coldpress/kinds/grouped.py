"""Losses that compare the rows of a sample, such as the documents of a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from coldpress.kinds.kind import TargetArray, TaskKind

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class GroupedKind(Protocol):
    """A kind whose loss against the teacher compares the rows of a sample.

    Training batches then keep the rows of a sample together.
    """

    def grouped_soft_loss(
        self, outputs: Tensor, teacher_outputs: Tensor, samples: Tensor
    ) -> Tensor:
        """Compute the loss against the teacher's outputs.

        Args:
            outputs: The student's, shape (batch, outputs).
            teacher_outputs: Shape (batch, outputs).
            samples: Number of each row's sample, int64, shape (batch,).

        Returns:
            A scalar, averaged over the batch.
        """


def training_samples(kind: TaskKind, targets: TargetArray, rows: int) -> NDArray[np.int64]:
    """Return the number of each training row's sample, shape (rows,).

    Args:
        kind: Its samples consist of whole rows.
        targets: Of the labelled rows, which come first.
        rows: Number of rows; each one without a target is a sample of its own.
    """
    labelled = kind.samples(targets) if len(targets) else np.zeros(0, dtype=np.int64)
    first = int(labelled.max(initial=-1)) + 1
    return np.concatenate([labelled, first + np.arange(rows - len(labelled))])
