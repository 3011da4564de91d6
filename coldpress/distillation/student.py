"""Which student is distilled: its sizes, and which of the teacher's parts it starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from coldpress.errors import InputError
from coldpress.schema.section import Section

if TYPE_CHECKING:
    from coldpress.data.splits import Split
    from coldpress.model.classifier import Classifier
    from coldpress.teacher.size import TeacherSize


class StudentShape(Section):
    """How large the student is, and what it starts from. A size left out is the teacher's."""

    layers: Annotated[int, Field(ge=1, le=128, description="Encoder layers that the student has.")]
    take: Annotated[
        Literal["every-other", "first", "last"],
        Field(description="Teacher layers it is initialised from, spread, lowest or highest."),
    ] = "every-other"
    width: Annotated[
        int | None,
        Field(ge=1, le=4096, description="Of a token's state: a multiple of the head size."),
    ] = None
    heads: Annotated[
        int | None, Field(ge=1, le=256, description="Attention heads of each layer.")
    ] = None
    neurons: Annotated[
        int | None, Field(ge=1, le=65536, description="Feed-forward neurons of each layer.")
    ] = None

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

    def made_of(self, teacher: Classifier, rows: Split) -> Classifier:
        """Cut the student out of its teacher.

        Args:
            teacher: The source, left as it is.
            rows: Texts to measure on what is active, if anything but layers goes.

        Returns:
            The student before anything is fitted.
        """
        from coldpress.distillation.student_init import init_student

        return init_student(teacher, self, rows)

    def check(self, teacher: TeacherSize) -> None:
        """Check that the teacher has what the student is made of.

        Args:
            teacher: Its sizes.

        Raises:
            InputError: The student would be larger, or its width is no multiple of the head size,
                or the one that the teacher's embedding tables are projected from.
        """
        sizes = {
            "layers": (self.layers, teacher.layers),
            "width": (self.width or 0, teacher.hidden_size),
            "heads": (self.heads or 0, teacher.heads),
            "neurons": (self.neurons or 0, teacher.neurons),
        }
        for field, (wanted, there) in sizes.items():
            if wanted > there:
                raise InputError(f"distill.student.{field}: {wanted}, but the teacher has {there}")
        if (self.width or 0) % teacher.head_size:
            raise InputError(
                f"distill.student.width: {self.width} is no multiple of {teacher.head_size},"
                " the size of the teacher's heads"
            )
        if teacher.projected_from is not None and self.width == teacher.projected_from:
            raise InputError(
                f"distill.student.width: {self.width} is the width of the teacher's embedding"
                " tables, from which a projection leads; take another width"
            )
