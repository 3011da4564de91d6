"""Training of a student in the phases of its distillation method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coldpress.model.activations import TeacherStudentLoss
from coldpress.model.classifier import Classifier
from coldpress.schema.section import Optimization
from coldpress.training.loop import Epoch, Loss, ProgressCallback, fit, no_progress, train_epochs

if TYPE_CHECKING:
    from coldpress.distillation.transfer import DistillationData


@dataclass(frozen=True)
class Phase:
    """One run of the training loop.

    Attributes:
        name: Unique among the phases of a method.
        loss: A loss of the logits, or one that compares activations with the teacher's.
        plan: Epochs, learning rate and batch size.
        select_epoch: Keep the epoch with the best validation accuracy. False keeps the last epoch:
            if the loss does not train the logits, their accuracy means nothing.
    """

    name: str
    loss: Loss | TeacherStudentLoss
    plan: Optimization
    select_epoch: bool = True


def distill(
    student: Classifier,
    phases: Sequence[Phase],
    data: DistillationData,
    progress: ProgressCallback = no_progress,
) -> dict[str, tuple[Epoch, ...]]:
    """Train a student, phase after phase.

    Args:
        student: Changed in place.
        phases: As the method returned them, in order.
        data: The transfer set and the validation rows.
        progress: Called after each step.

    Returns:
        The epochs of each phase, by its name.
    """
    epochs = {}
    for phase in phases:
        train = fit if phase.select_epoch else train_epochs
        history = train(student, data.train, phase.loss, phase.plan, data.validation, progress)
        epochs[phase.name] = tuple(history)
    return epochs
