"""Distillation of self-attention relations (Wang et al. 2021, "MiniLMv2")."""

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
    from coldpress.distillation.phase import Phase
    from coldpress.method import TeacherDescription
    from coldpress.model.classifier import Classifier
    from coldpress.training.step import Loss


class Relations(Optimization, MethodSection):
    """Fit the self-attention relations of one teacher layer, then the predictions."""

    trains: ClassVar[bool] = True
    compares_activations: ClassVar[bool] = True

    method: Literal["relations"]
    student: StudentShape
    relation_epochs: Annotated[
        int, Field(ge=0, le=1000, description="First phase: relations of queries, keys and values.")
    ] = 6
    epochs: Epochs = 4
    relation_heads: Annotated[
        int, Field(ge=1, le=1024, description="Relation heads of queries, keys and values.")
    ] = 16
    teacher_layer: Annotated[
        int | None,
        Field(ge=1, le=128, description="Teacher layer to fit, counted from 1; none: the last."),
    ] = None
    temperature: Temperature = 4.0
    alpha: Alpha = 0.9
    learning_rate: LearningRate = 3e-4

    def check(self, teacher: TeacherDescription) -> None:
        """Check that the student can be built and compared with this teacher.

        Args:
            teacher: Of the recipe.

        Raises:
            InputError: The student would be larger, the teacher has no such layer, or the number
                of relation heads does not divide the query features.
        """
        size = teacher.size
        self.student.check(size)
        if (self.teacher_layer or 1) > size.layers:
            raise InputError(
                f"distill.teacher_layer: {self.teacher_layer}, but the teacher has {size.layers}"
                " layers"
            )
        heads = self.student.heads or size.heads
        sizes = {"teacher": size.hidden_size, "student": heads * size.head_size}
        for model, features in sizes.items():
            if features % self.relation_heads:
                raise InputError(
                    f"distill.relation_heads: {self.relation_heads} does not divide the {model}'s"
                    f" {features} query features"
                )

    def distill(self, classifier: Classifier, context: DistillationContext) -> Classifier:
        """Train a student in two phases: relations, then predictions.

        Args:
            classifier: The teacher, which runs beside the student in the first phase; not changed.
            context: Data and callbacks.
        """
        from coldpress.distillation.phase import train_in_phases

        student = self.student.build(classifier, context.rows)
        return train_in_phases(student, self.phases(classifier, context.data.loss), context)

    def phases(self, teacher: Classifier, loss: Loss) -> tuple[Phase, Phase]:
        """Return the two phases.

        Args:
            teacher: Runs beside the student in the first phase.
            loss: Of the second phase.
        """
        from coldpress.distillation.minilm.loss import relations_loss
        from coldpress.distillation.phase import Phase

        layer = (self.teacher_layer or len(teacher.layers)) - 1
        relations = relations_loss(teacher, layer, self.relation_heads)
        first = self.model_copy(update={"epochs": self.relation_epochs})
        return (
            Phase("relations", relations, first, select_epoch=False),
            Phase("prediction", loss, self),
        )
