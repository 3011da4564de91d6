"""Distillation on soft targets (Hinton, Vinyals & Dean 2015, "Distilling the Knowledge")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from coldpress.distillation.student import StudentShape
from coldpress.schema.section import Epochs, LearningRate, Optimization

if TYPE_CHECKING:
    from torch import Tensor

    from coldpress.distillation.phase import Phase
    from coldpress.model.classifier import Classifier
    from coldpress.teacher.size import TeacherSize
    from coldpress.training.loop import Loss

Temperature = Annotated[float, Field(ge=0.1, le=100.0, description="Softens both distributions.")]
Alpha = Annotated[
    float, Field(ge=0.0, le=1.0, description="Weight of soft targets; 1 - alpha of labels.")
]


class Logits(Optimization):
    """Fit the teacher's softened probabilities and the true labels together."""

    method: Literal["logits"]
    student: StudentShape
    temperature: Temperature = 4.0
    alpha: Alpha = 0.9
    epochs: Epochs = 6
    learning_rate: LearningRate = 3e-4

    def check(self, teacher: TeacherSize) -> None:
        """Check that the student can be made of this teacher.

        Args:
            teacher: Its sizes.

        Raises:
            InputError: The student would be larger.
        """
        self.student.check(teacher)

    def loss(self, teacher_logits: Tensor, labels: Tensor) -> Loss:
        """Return the loss of this method over the rows of a split.

        Args:
            teacher_logits: What the teacher answered, shape (rows, labels).
            labels: Class index a row, shape (labelled rows,); rows beyond these have no label.

        Returns:
            alpha * soft + (1 - alpha) * hard, rows without a label counting as soft alone.
        """
        from coldpress.distillation.hinton.loss import soft_and_hard_loss

        return soft_and_hard_loss(teacher_logits, labels, self.temperature, self.alpha)

    def phases(self, teacher: Classifier, student: Classifier, loss: Loss) -> tuple[Phase, ...]:  # noqa: ARG002
        """Return the one phase of this method, which needs the teacher's answers alone.

        Args:
            teacher: Unused.
            student: Unused.
            loss: As `loss` returned it.

        Returns:
            One phase.
        """
        from coldpress.distillation.phase import Phase

        return (Phase(self.method, loss, self),)
