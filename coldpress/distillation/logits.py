"""Distillation on soft targets (Hinton, Vinyals & Dean 2015, "Distilling the Knowledge")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from coldpress.section import Epochs, LearningRate, Optimization, Section

if TYPE_CHECKING:
    from torch import Tensor

    from coldpress.training import Loss


class StudentShape(Section):
    """Which of the teacher's layers the student starts from."""

    layers: Annotated[int, Field(ge=1, le=128, description="Encoder layers that the student has.")]
    take: Annotated[
        Literal["every-other", "first", "last"],
        Field(description="Teacher layers it is initialised from, spread, lowest or highest."),
    ] = "every-other"

    def taken_from(self, teacher_layers: int) -> list[int]:
        """Choose the teacher layers that the student starts from.

        Args:
            teacher_layers: How many there are.

        Returns:
            Ascending layer numbers; `every-other` spreads them from the lowest up, as DistilBERT
            does (Sanh et al. 2019, section 3).
        """
        if self.take == "first":
            return list(range(self.layers))
        if self.take == "last":
            return list(range(teacher_layers - self.layers, teacher_layers))
        return [i * teacher_layers // self.layers for i in range(self.layers)]


class Logits(Optimization):
    """Fit the teacher's softened probabilities and the true labels together."""

    method: Literal["logits"]
    student: StudentShape
    temperature: Annotated[
        float, Field(ge=0.1, le=100.0, description="Softens both distributions.")
    ] = 4.0
    alpha: Annotated[
        float, Field(ge=0.0, le=1.0, description="Weight of soft targets; 1 - alpha of labels.")
    ] = 0.9
    epochs: Epochs = 6
    learning_rate: LearningRate = 3e-4

    def loss(self, teacher_logits: Tensor, labels: Tensor) -> Loss:
        """Return the loss of this method over the rows of a split.

        Args:
            teacher_logits: What the teacher answered, shape (rows, labels).
            labels: Class index a row, shape (labelled rows,); rows beyond these have no label.

        Returns:
            alpha * soft + (1 - alpha) * hard, rows without a label counting as soft alone.
        """
        from coldpress.distillation.soft_targets import soft_and_hard

        return soft_and_hard(teacher_logits, labels, self.temperature, self.alpha)
