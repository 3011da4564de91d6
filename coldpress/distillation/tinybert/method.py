"""Distillation of hidden states and attention (Jiao et al. 2020, "TinyBERT")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from coldpress.distillation.hinton.method import Alpha, Temperature
from coldpress.distillation.student import StudentShape
from coldpress.errors import InputError
from coldpress.schema.section import Epochs, LearningRate, Optimization

if TYPE_CHECKING:
    from torch import Tensor

    from coldpress.distillation.phase import Phase
    from coldpress.model.classifier import Classifier
    from coldpress.teacher.size import TeacherSize
    from coldpress.training.loop import Loss


class Hidden(Optimization):
    """Fit the teacher's hidden states and attention layer by layer, then its predictions."""

    method: Literal["hidden"]
    student: StudentShape
    layer_epochs: Annotated[
        int, Field(ge=0, le=1000, description="First phase: hidden states and attention.")
    ] = 6
    epochs: Epochs = 4
    temperature: Temperature = 1.0
    alpha: Alpha = 1.0
    learning_rate: LearningRate = 3e-4

    def check(self, teacher: TeacherSize) -> None:
        """Check that the student can be built from this teacher.

        Args:
            teacher: Sizes of the teacher.

        Raises:
            InputError: The student would be larger, or have fewer heads.
        """
        self.student.check(teacher)
        if self.student.heads not in (None, teacher.heads):
            raise InputError(
                "distill.student.heads: hidden compares attention head by head, so the student"
                " needs as many heads as the teacher; use relations or logits, or prune heads later"
            )

    def loss(self, teacher_logits: Tensor, labels: Tensor) -> Loss:
        """Return the prediction loss; with the defaults it is equation 10.

        Args:
            teacher_logits: Shape (rows, labels).
            labels: Class indices, shape (labelled rows,); rows beyond these have no label.

        Returns:
            alpha * soft + (1 - alpha) * hard; unlabelled rows count in the soft term only.
        """
        from coldpress.distillation.hinton.loss import soft_and_hard_loss

        return soft_and_hard_loss(teacher_logits, labels, self.temperature, self.alpha)

    def phases(self, teacher: Classifier, student: Classifier, loss: Loss) -> tuple[Phase, ...]:
        """Return the two phases of section 3.2: intermediate layers, then prediction.

        Args:
            teacher: Runs beside the student in the first phase.
            student: The untrained student.
            loss: As `loss` returned it.
        """
        from coldpress.distillation.phase import Phase
        from coldpress.distillation.tinybert.loss import layerwise_loss

        first = self.model_copy(update={"epochs": self.layer_epochs})
        return (
            Phase("layers", layerwise_loss(teacher, student), first, select_epoch=False),
            Phase("prediction", loss, self),
        )
