"""Distillation on soft targets (Hinton, Vinyals & Dean 2015, "Distilling the Knowledge")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.distillation.student import StudentShape
from coldpress.method import MethodSection
from coldpress.schema.section import Epochs, LearningRate, Optimization

if TYPE_CHECKING:
    from coldpress.distillation.method import DistillationContext
    from coldpress.method import TeacherDescription
    from coldpress.model.classifier import Classifier

Temperature = Annotated[
    float,
    Field(
        ge=0.1, le=100.0, description="Temperature of both distributions; no effect on regression."
    ),
]
Alpha = Annotated[
    float,
    Field(ge=0.0, le=1.0, description="Weight of soft targets; labels or numbers have 1 - alpha."),
]


class Logits(Optimization, MethodSection):
    """Fit the teacher's softened probabilities and the true labels together."""

    trains: ClassVar[bool] = True
    compares_activations: ClassVar[bool] = False

    method: Literal["logits"]
    student: StudentShape
    temperature: Temperature = 4.0
    alpha: Alpha = 0.9
    epochs: Epochs = 6
    learning_rate: LearningRate = 3e-4

    def check(self, teacher: TeacherDescription) -> None:
        """Check that the student can be built from this teacher.

        Args:
            teacher: Of the recipe.

        Raises:
            InputError: The student would be larger, or is to have a vocabulary of its own and the
                teacher's tokenizer has no token for unknown characters.
        """
        self.student.check(teacher.size)
        if self.student.vocabulary is not None and teacher.tokenizer is not None:
            from coldpress.distillation.unigram import unknown_token

            unknown_token(teacher.tokenizer)

    def distill(self, classifier: Classifier, context: DistillationContext) -> Classifier:
        """Train a student in a single phase, which needs no more than the teacher's logits.

        Args:
            classifier: The teacher, or the model that takes its place; not changed.
            context: Data and callbacks.
        """
        from coldpress.distillation.phase import Phase, train_in_phases

        student = self.student.build(classifier, context.rows)
        return train_in_phases(student, [Phase("", context.data.loss, self)], context)
