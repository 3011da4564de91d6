"""Interface of distillation methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from coldpress.distillation.phase import Phase
    from coldpress.distillation.student import StudentShape
    from coldpress.model.classifier import Classifier
    from coldpress.teacher.size import TeacherSize
    from coldpress.training.loop import Loss


class Distillation(Protocol):
    """The `distill` section of a recipe."""

    @property
    def method(self) -> str:
        """Name of the method in recipes."""

    @property
    def student(self) -> StudentShape:
        """Sizes of the student."""

    def check(self, teacher: TeacherSize) -> None:
        """Check, before anything is trained, that the student can be built from this teacher.

        Args:
            teacher: Sizes of the teacher.

        Raises:
            InputError: The student does not fit the teacher; the message names the field.
        """

    def loss(self, teacher_logits: Tensor, labels: Tensor) -> Loss:
        """Return the part of the loss that needs only the logits.

        Pruned models are retrained with it: they have lost heads and neurons, so that their
        activations can no longer be compared with the teacher's.

        Args:
            teacher_logits: Shape (rows, labels).
            labels: Class indices, shape (labelled rows,); rows beyond these have no label.
        """

    def phases(self, teacher: Classifier, student: Classifier, loss: Loss) -> tuple[Phase, ...]:
        """Return the phases in which the student is trained, in order.

        Args:
            teacher: May run beside the student.
            student: The untrained student.
            loss: As `loss` returned it.
        """
