"""Distillation into a table of tokens and n-grams (Joulin et al. 2016; Tang et al. 2019)."""

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


class Static(Optimization, MethodSection):
    """Fit a student without layers to the teacher's softened probabilities and the true labels."""

    trains: ClassVar[bool] = True
    compares_activations: ClassVar[bool] = False

    method: Literal["static"]
    width: Annotated[
        int,
        Field(ge=1, le=4096, description="Numbers per token and n-gram; at most the teacher's."),
    ] = 128
    neurons: Annotated[
        int, Field(ge=1, le=65536, description="Neurons between the sum and the outputs.")
    ] = 128
    longest_ngram: Annotated[
        Literal[1, 2, 3], Field(description="Tokens of the longest n-grams; 1: no n-grams.")
    ] = 3
    ngram_rows: Annotated[
        int, Field(ge=1, le=2**24, description="Rows of the table that all n-grams share.")
    ] = 8192
    temperature: Temperature = 4.0
    alpha: Alpha = 0.9
    epochs: Epochs = 10
    learning_rate: LearningRate = 2e-3
    batch_size: Annotated[int, Field(ge=1, le=4096, description="Examples per step.")] = 64
    freeze_embeddings: Annotated[
        bool, Field(description="Must be false: the table is what is trained.")
    ] = False
    student: Annotated[
        StudentShape, Field(description="Only `from`: a static student has none of these sizes.")
    ] = StudentShape()

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        check_shape(self.student, "static")
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
        from coldpress.distillation.static.student import build_student

        return distill_without_layers(classifier, self, context, build_student)
