"""What a distillation method must offer."""

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
        """Its name in the recipe."""

    @property
    def student(self) -> StudentShape:
        """What the student is made of."""

    def check(self, teacher: TeacherSize) -> None:
        """Refuse, before anything is trained, a teacher that the student cannot be made of.

        Args:
            teacher: Its sizes.

        Raises:
            InputError: Names the field.
        """

    def loss(self, teacher_logits: Tensor, labels: Tensor) -> Loss:
        """Return the part of its loss that needs logits alone.

        Pruned models recover with it: their heads and neurons are no longer those that a
        comparison of inner states could be made with.

        Args:
            teacher_logits: What the teacher answered, shape (rows, labels).
            labels: Class index a row, shape (labelled rows,); rows beyond these have no label.
        """

    def phases(self, teacher: Classifier, student: Classifier, loss: Loss) -> tuple[Phase, ...]:
        """Return how the student is fitted, in order.

        Args:
            teacher: May be run beside the student.
            student: Before anything is fitted.
            loss: As `loss` returned it.
        """
