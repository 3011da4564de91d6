"""Distillation with DistilBERT's triple loss (Sanh, Debut, Chaumond & Wolf 2019)."""

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
        float, Field(ge=0.0, le=100.0, description="Weight of the hidden states' cosine distance.")
    ] = 0.15
    epochs: Epochs = 6
    learning_rate: LearningRate = 3e-4

    def check(self, teacher: TeacherSize) -> None:
        """Check that the student can be built from this teacher.

        Args:
            teacher: Sizes of the teacher.

        Raises:
            InputError: The student would be larger, or narrower: the cosine distance needs hidden
                states of the same width.
        """
        self.student.check(teacher)
        if self.student.width not in (None, teacher.hidden_size):
            raise InputError(
                "distill.student.width: distilbert compares hidden states, so the student must be"
                " as wide as the teacher; use hidden, relations or logits for a narrower one"
            )

    def loss(self, teacher_logits: Tensor, labels: Tensor) -> Loss:
        """Return the two terms that need only the logits.

        Args:
            teacher_logits: Shape (rows, labels).
            labels: Class indices, shape (labelled rows,); rows beyond these have no label.

        Returns:
            alpha * soft + (1 - alpha) * hard; unlabelled rows count in the soft term only.
        """
        from coldpress.distillation.hinton.loss import soft_and_hard_loss

        return soft_and_hard_loss(teacher_logits, labels, self.temperature, self.alpha)

    def phases(self, teacher: Classifier, student: Classifier, loss: Loss) -> tuple[Phase, ...]:  # noqa: ARG002
        """Return a single phase with all three terms.

        Args:
            teacher: Runs beside the student to give its hidden states.
            student: Unused.
            loss: As `loss` returned it.
        """
        from coldpress.distillation.distilbert.loss import add_cosine_loss
        from coldpress.distillation.phase import Phase

        return (Phase(self.method, add_cosine_loss(teacher, loss, self.cosine), self),)
