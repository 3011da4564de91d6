"""Which student is distilled: how many layers, and which of the teacher's they start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from coldpress.errors import InputError
from coldpress.section import Section

if TYPE_CHECKING:
    from coldpress.teacher_size import TeacherSize


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

    def check(self, teacher: TeacherSize) -> None:
        """Check that the teacher has what the student is made of.

        Args:
            teacher: Its sizes.

        Raises:
            InputError: The student would be larger.
        """
        if self.layers > teacher.layers:
            raise InputError(
                f"distill.student.layers: {self.layers}, but the teacher has {teacher.layers}"
            )
