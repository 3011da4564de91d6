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
    """Fit how tokens relate inside one of the teacher's layers, then its predictions."""

    method: Literal["relations"]
    student: StudentShape
    relation_epochs: Annotated[
        int, Field(ge=0, le=1000, description="First phase: relations of queries, keys, values.")
    ] = 6
    epochs: Epochs = 4
    relation_heads: Annotated[
        int, Field(ge=1, le=1024, description="Parts that queries, keys and values are cut into.")
    ] = 16
    teacher_layer: Annotated[
        int | None,
        Field(ge=1, le=128, description="The teacher's layer, counted from 1; none: the last."),
    ] = None
    temperature: Temperature = 4.0
    alpha: Alpha = 0.9
    learning_rate: LearningRate = 3e-4

    def check(self, teacher: TeacherSize) -> None:
        """Check that student and relations can be made of this teacher.

        Args:
            teacher: Its sizes.

        Raises:
            InputError: The student would be larger, the layer is missing, or the relation heads
                do not divide what they are cut from.
        """
        self.student.check(teacher)
        if (self.teacher_layer or 1) > teacher.layers:
            raise InputError(
                f"distill.teacher_layer: {self.teacher_layer}, but the teacher has {teacher.layers}"
            )
        heads = self.student.heads or teacher.heads
        for whose, features in (
            ("teacher", teacher.hidden_size),
            ("student", heads * teacher.head_size),
        ):
            if features % self.relation_heads:
                raise InputError(
                    f"distill.relation_heads: {self.relation_heads} do not divide the {whose}'s"
                    f" {features} query features"
                )

    def loss(self, teacher_logits: Tensor, labels: Tensor) -> Loss:
        """Return the loss of the second phase.

        Args:
            teacher_logits: What the teacher answered, shape (rows, labels).
            labels: Class index a row, shape (labelled rows,); rows beyond these have no label.

        Returns:
            alpha * soft + (1 - alpha) * hard, rows without a label counting as soft alone.
        """
        from coldpress.distillation.hinton.loss import soft_and_hard_loss

        return soft_and_hard_loss(teacher_logits, labels, self.temperature, self.alpha)

    def phases(self, teacher: Classifier, student: Classifier, loss: Loss) -> tuple[Phase, ...]:  # noqa: ARG002
        """Return two phases: relations, then predictions.

        Args:
            teacher: Runs beside the student in the first.
            student: Unused.
            loss: As `loss` returned it.

        Returns:
            Two phases.
        """
        from coldpress.distillation.minilm.loss import relations_loss
        from coldpress.distillation.phase import Phase

        layer = (self.teacher_layer or len(teacher.layers)) - 1
        first = self.model_copy(update={"epochs": self.relation_epochs})
        return (
            Phase(
                "relations",
                relations_loss(teacher, layer, self.relation_heads),
                first,
                judged=False,
            ),
            Phase("prediction", loss, self),
        )
