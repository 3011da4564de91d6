"""Training of a student in the phases of its distillation method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coldpress.distillation.method import DistillationContext
from coldpress.model.activations import TeacherStudentLoss
from coldpress.model.classifier import Classifier
from coldpress.schema.section import Optimization
from coldpress.training.loop import fit, train_epochs
from coldpress.training.step import Loss


@dataclass(frozen=True)
class Phase:
    """One run of the training loop.

    Attributes:
        name: Unique among the phases of a method; empty if there is only one.
        loss: A loss of the logits, or one that compares activations with the teacher's.
        plan: Epochs, learning rate and batch size.
        select_epoch: Keep the epoch with the best validation accuracy. False keeps the last epoch:
            if the loss does not train the logits, their accuracy means nothing.
    """

    name: str
    loss: Loss | TeacherStudentLoss
    plan: Optimization
    select_epoch: bool = True


def train_in_phases(
    student: Classifier, phases: Sequence[Phase], context: DistillationContext
) -> Classifier:
    """Train a student, phase after phase.

    Args:
        student: Changed in place.
        phases: In order.
        context: The rows, and callbacks; its loss is not used.

    Returns:
        The student.
    """
    train, validation = context.data.train, context.data.validation
    for phase in phases:
        run = fit if phase.select_epoch else train_epochs
        epochs = run(student, train, phase.loss, phase.plan, validation, context.progress)
        context.report_epochs(phase.name, tuple(epochs))
    return student
