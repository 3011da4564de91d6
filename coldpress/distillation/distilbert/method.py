"""Distillation as DistilBERT's (Sanh, Debut, Chaumond & Wolf 2019)."""

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


class DistilBert(Optimization):
    """Fit soft targets, labels and the direction of the teacher's last hidden states."""

    method: Literal["distilbert"]
    student: StudentShape
    temperature: Temperature = 2.0
    alpha: Alpha = 0.7
    cosine: Annotated[
        float, Field(ge=0.0, le=100.0, description="Weight of the hidden states' directions.")
    ] = 0.15
    epochs: Epochs = 6
    learning_rate: LearningRate = 3e-4

    def check(self, teacher: TeacherSize) -> None:
        """Check that the student can be made of this teacher.

        Args:
            teacher: Its sizes.

        Raises:
            InputError: The student would be larger, or narrower: directions of different widths
                cannot be compared.
        """
        self.student.check(teacher)
        if self.student.width not in (None, teacher.hidden_size):
            raise InputError(
                "distill.student.width: distilbert compares hidden states of equal width;"
                " narrower students are for hidden, relations and logits"
            )

    def loss(self, teacher_logits: Tensor, labels: Tensor) -> Loss:
        """Return the two terms that need logits alone.

        Args:
            teacher_logits: What the teacher answered, shape (rows, labels).
            labels: Class index a row, shape (labelled rows,); rows beyond these have no label.

        Returns:
            alpha * soft + (1 - alpha) * hard, rows without a label counting as soft alone.
        """
        from coldpress.distillation.hinton.loss import soft_and_hard_loss

        return soft_and_hard_loss(teacher_logits, labels, self.temperature, self.alpha)

    def phases(self, teacher: Classifier, student: Classifier, loss: Loss) -> tuple[Phase, ...]:  # noqa: ARG002
        """Return the one phase, in which the teacher runs beside the student.

        Args:
            teacher: Gives the hidden states.
            student: Unused.
            loss: As `loss` returned it.

        Returns:
            One phase of the three terms.
        """
        from coldpress.distillation.distilbert.loss import add_cosine_loss
        from coldpress.distillation.phase import Phase

        return (Phase(self.method, add_cosine_loss(teacher, loss, self.cosine), self),)
