"""Distillation proper: a student is fitted in the phases that its method names."""

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
    """One run of the optimisation loop.

    Attributes:
        name: Of this phase among those of its method.
        minimised: A loss of logits, or a comparison with the teacher's inner states.
        plan: How long and how fast.
        judged: Whether validation accuracy chooses the epoch. Where the loss leaves the logits
            alone, accuracy says nothing and the last epoch stays.
    """

    name: str
    minimised: Loss | TeacherStudentLoss
    plan: Optimization
    judged: bool = True


def distill(
    student: Classifier,
    phases: Sequence[Phase],
    shown: DistillationData,
    progress: ProgressCallback = no_progress,
) -> dict[str, tuple[Epoch, ...]]:
    """Fit a student, phase after phase.

    Args:
        student: Changed in place.
        phases: As the method returned them, in order.
        shown: What it learns from.
        progress: Told after each step.

    Returns:
        The epochs of each phase, by its name.
    """
    fitted = {}
    for phase in phases:
        run = fit if phase.judged else train_epochs
        epochs = run(student, shown.train, phase.minimised, phase.plan, shown.validation, progress)
        fitted[phase.name] = tuple(epochs)
    return fitted
