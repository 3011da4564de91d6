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

Temperature = Annotated[
    float, Field(ge=0.1, le=100.0, description="Temperature of both distributions.")
]
Alpha = Annotated[
    float, Field(ge=0.0, le=1.0, description="Weight of soft targets; labels have 1 - alpha.")
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
        """Check that the student can be built from this teacher.

        Args:
            teacher: Sizes of the teacher.

        Raises:
            InputError: The student would be larger.
        """
        self.student.check(teacher)

    def loss(self, teacher_logits: Tensor, labels: Tensor) -> Loss:
        """Return the loss of this method.

        Args:
            teacher_logits: Shape (rows, labels).
            labels: Class indices, shape (labelled rows,); rows beyond these have no label.

        Returns:
            alpha * soft + (1 - alpha) * hard; unlabelled rows count in the soft term only.
        """
        from coldpress.distillation.hinton.loss import soft_and_hard_loss

        return soft_and_hard_loss(teacher_logits, labels, self.temperature, self.alpha)

    def phases(self, teacher: Classifier, student: Classifier, loss: Loss) -> tuple[Phase, ...]:  # noqa: ARG002
        """Return a single phase, which needs no more than the teacher's logits.

        Args:
            teacher: Unused.
            student: Unused.
            loss: As `loss` returned it.
        """
        from coldpress.distillation.phase import Phase

        return (Phase(self.method, loss, self),)
