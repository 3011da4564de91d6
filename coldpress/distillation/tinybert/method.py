"""Distillation of hidden states and attention (Jiao et al. 2020, "TinyBERT")."""

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


class Hidden(Optimization, MethodSection):
    """Fit the teacher's hidden states and attention layer by layer, then its predictions."""

    trains: ClassVar[bool] = True
    compares_activations: ClassVar[bool] = True

    method: Literal["hidden"]
    student: StudentShape
    layer_epochs: Annotated[
        int, Field(ge=0, le=1000, description="First phase: hidden states and attention.")
    ] = 6
    epochs: Epochs = 4
    temperature: Temperature = 1.0
    alpha: Alpha = 1.0
    learning_rate: LearningRate = 3e-4

    def check(self, teacher: TeacherDescription) -> None:
        """Check that the student can be built from this teacher.

        Args:
            teacher: Of the recipe.

        Raises:
            InputError: The student would be larger, or have fewer heads.
        """
        self.student.check(teacher.size)
        if self.student.heads not in (None, teacher.size.heads):
            raise InputError(
                "distill.student.heads: hidden compares attention head by head, so the student"
                " needs as many heads as the teacher; use relations or logits, or prune heads later"
            )

    def distill(self, classifier: Classifier, context: DistillationContext) -> Classifier:
        """Train a student in the two phases of section 3.2: intermediate layers, then prediction.

        With the defaults, the loss of the second phase is equation 10.

        Args:
            classifier: The teacher, which runs beside the student in the first phase; not changed.
            context: Data and callbacks.
        """
        from coldpress.distillation.phase import Phase, train_in_phases
        from coldpress.distillation.tinybert.loss import layerwise_loss

        student = self.student.build(classifier, context.rows)
        first = self.model_copy(update={"epochs": self.layer_epochs})
        phases = (
            Phase("layers", layerwise_loss(classifier, student), first, select_epoch=False),
            Phase("prediction", context.data.loss, self),
        )
        return train_in_phases(student, phases, context)
