"""Distillation into a convolution over a table of tokens (Kim 2014; Tang et al. 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from coldpress.distillation.hinton.method import Alpha, Temperature
from coldpress.distillation.student import StudentShape
from coldpress.distillation.without_layers import (
    check_shape,
    check_table,
    distill_without_layers,
)
from coldpress.method import MethodSection
from coldpress.schema.section import Epochs, LearningRate, Optimization

if TYPE_CHECKING:
    from coldpress.distillation.method import DistillationContext
    from coldpress.method import TeacherDescription
    from coldpress.model.classifier import Classifier


class Convolution(Optimization, MethodSection):
    """Fit one convolution to the teacher's softened probabilities and the true labels."""

    trains: ClassVar[bool] = True
    compares_activations: ClassVar[bool] = False

    method: Literal["convolution"]
    width: Annotated[
        int, Field(ge=1, le=4096, description="Numbers per token; at most the teacher's.")
    ] = 96
    window: Annotated[
        int, Field(ge=1, le=16, description="Neighbouring tokens that a filter reads.")
    ] = 3
    filters: Annotated[
        int, Field(ge=1, le=65536, description="Filters, whose largest values the output reads.")
    ] = 256
    temperature: Temperature = 4.0
    alpha: Alpha = 0.9
    epochs: Epochs = 6
    learning_rate: LearningRate = 2e-3
    batch_size: Annotated[int, Field(ge=1, le=4096, description="Examples per step.")] = 64
    freeze_embeddings: Annotated[
        bool, Field(description="Must be false: the table is what is trained.")
    ] = False
    student: Annotated[
        StudentShape,
        Field(description="Only `from`: a convolutional student has none of these sizes."),
    ] = StudentShape()

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        check_shape(self.student, "convolutional")
        return self

    def check(self, teacher: TeacherDescription) -> None:
        """Check that the student can be built from this teacher.

        Args:
            teacher: Of the recipe.

        Raises:
            InputError: The table would be wider than the teacher or is not to be trained, or the
                vocabulary of the teacher's tokenizer cannot be reduced.
        """
        check_table(self, teacher)

    def distill(self, classifier: Classifier, context: DistillationContext) -> Classifier:
        """Train a student whose vocabulary is that of the training texts.

        Args:
            classifier: The teacher; not changed.
            context: Data and callbacks.
        """
        from coldpress.distillation.convolution.student import build_student

        return distill_without_layers(classifier, self, context, build_student)
