"""Distillation of self-attention relations (Wang et al. 2021, "MiniLMv2")."""

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


class Relations(Optimization):
    """Fit the self-attention relations of one teacher layer, then the predictions."""

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

    def check(self, teacher: TeacherSize) -> None:
        """Check that the student can be built and compared with this teacher.

        Args:
            teacher: Sizes of the teacher.

        Raises:
            InputError: The student would be larger, the teacher has no such layer, or the number
                of relation heads does not divide the query features.
        """
        self.student.check(teacher)
        if (self.teacher_layer or 1) > teacher.layers:
            raise InputError(
                f"distill.teacher_layer: {self.teacher_layer}, but the teacher has {teacher.layers}"
                " layers"
            )
        heads = self.student.heads or teacher.heads
        sizes = {"teacher": teacher.hidden_size, "student": heads * teacher.head_size}
        for model, features in sizes.items():
            if features % self.relation_heads:
                raise InputError(
                    f"distill.relation_heads: {self.relation_heads} does not divide the {model}'s"
                    f" {features} query features"
                )

    def loss(self, teacher_logits: Tensor, labels: Tensor) -> Loss:
        """Return the loss of the second phase.

        Args:
            teacher_logits: Shape (rows, labels).
            labels: Class indices, shape (labelled rows,); rows beyond these have no label.

        Returns:
            alpha * soft + (1 - alpha) * hard; unlabelled rows count in the soft term only.
        """
        from coldpress.distillation.hinton.loss import soft_and_hard_loss

        return soft_and_hard_loss(teacher_logits, labels, self.temperature, self.alpha)

    def phases(self, teacher: Classifier, student: Classifier, loss: Loss) -> tuple[Phase, ...]:  # noqa: ARG002
        """Return two phases: relations, then predictions.

        Args:
            teacher: Runs beside the student in the first phase.
            student: Unused.
            loss: As `loss` returned it.
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
