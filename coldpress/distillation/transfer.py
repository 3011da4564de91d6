"""What a student learns from: the transfer set, and what the teacher answered to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.distillation.soft_targets import SoftTargets
from coldpress.model.classifier import Classifier
from coldpress.training.loop import Loss

if TYPE_CHECKING:
    from coldpress.distillation.method import Distillation


@dataclass(frozen=True)
class DistillationData:
    """Rows to fit and rows to compare epochs on, as the student's tokenizer reads them.

    Attributes:
        train: The transfer set; rows without a label come last.
        loss: The method's of logits; its rows are those of `train`.
        validation: Labelled rows that nothing is fitted to.
    """

    train: EncodedSplit
    loss: Loss
    validation: EncodedSplit


def build_distillation_data(
    student: Classifier,
    method: Distillation,
    answers: SoftTargets,
    rows: Split,
    validation: Split,
) -> DistillationData:
    """Bring rows, their labels and the teacher's answers together.

    Args:
        student: Brings the tokenizer.
        method: Brings the loss of logits.
        answers: Hold every row, in any order.
        rows: The transfer set.
        validation: Labelled rows.

    Returns:
        What `training.fit` takes.

    Raises:
        KeyError: A row was never answered.
    """
    train = encode(student.tokenizer, rows)
    loss = method.loss(answers.of(rows), torch.from_numpy(train.labels))
    return DistillationData(train, loss, encode(student.tokenizer, validation))
