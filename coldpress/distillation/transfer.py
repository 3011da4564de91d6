"""The data a student is trained on: encoded rows and the loss of their soft targets."""

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
    """The transfer set and the validation rows, encoded for the student.

    Attributes:
        train: The transfer set; unlabelled rows come last.
        loss: The method's loss of the logits, for row numbers of `train`.
        validation: Labelled rows that are not trained on.
    """

    train: EncodedSplit
    loss: Loss
    validation: EncodedSplit


def build_distillation_data(
    student: Classifier,
    method: Distillation,
    soft_targets: SoftTargets,
    rows: Split,
    validation: Split,
) -> DistillationData:
    """Encode the rows and set up the loss with their soft targets and labels.

    Args:
        student: Its tokenizer encodes the rows.
        method: Its loss is used.
        soft_targets: For all rows, in any order.
        rows: The transfer set.
        validation: Labelled rows.

    Returns:
        Data for `phase.distill`.

    Raises:
        KeyError: A row has no soft targets.
    """
    train = encode(student.tokenizer, rows)
    loss = method.loss(soft_targets.for_rows(rows), torch.from_numpy(train.labels))
    return DistillationData(train, loss, encode(student.tokenizer, validation))
