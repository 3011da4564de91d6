"""Distillation with DistilBERT's triple loss (Sanh, Debut, Chaumond & Wolf 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.distillation.hinton.method import Alpha, Temperature
from coldpress.distillation.student import StudentShape
from coldpress.errors import InputError
from coldpress.method import MethodSection
from coldpress.schema.section import Epochs, LearningRate, Optimization

if TYPE_CHECKING:
    from coldpress.distillation.method import DistillationContext
    from coldpress.method import TeacherDescription
    from coldpress.model.classifier import Classifier


class DistilBert(Optimization, MethodSection):
    """Fit soft targets, labels and the direction of the teacher's last hidden states."""

    trains: ClassVar[bool] = True
    compares_activations: ClassVar[bool] = True

    method: Literal["distilbert"]
    student: StudentShape
    temperature: Temperature = 2.0
    alpha: Alpha = 0.7
    cosine: Annotated[
        float, Field(ge=0.0, le=100.0, description="Weight of the hidden states' cosine distance.")
    ] = 0.15
    epochs: Epochs = 6
    learning_rate: LearningRate = 3e-4

    def check(self, teacher: TeacherDescription) -> None:
        """Check that the student can be built from this teacher.

        Args:
            teacher: Of the recipe.

        Raises:
            InputError: The student would be larger, or narrower: the cosine distance needs hidden
                states of the same width.
        """
        self.student.check(teacher.size)
        if self.student.width not in (None, teacher.size.hidden_size):
            raise InputError(
                "distill.student.width: distilbert compares hidden states, so the student must be"
                " as wide as the teacher; use hidden, relations or logits for a narrower one"
            )

    def distill(self, classifier: Classifier, context: DistillationContext) -> Classifier:
        """Train a student in a single phase with all three terms.

        Args:
            classifier: The teacher, which runs beside the student; not changed.
            context: Data and callbacks.
        """
        from coldpress.distillation.distilbert.loss import add_cosine_loss
        from coldpress.distillation.phase import Phase, train_in_phases

        student = self.student.build(classifier, context.rows)
        loss = add_cosine_loss(classifier, context.data.loss, self.cosine)
        return train_in_phases(student, [Phase("", loss, self)], context)
