"""The shape of the student, and the teacher layers that it is initialised from."""

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
    """Sizes of the student. A size left out is the teacher's."""

    layers: Annotated[int, Field(ge=1, le=128, description="Number of encoder layers.")]
    take: Annotated[
        Literal["every-other", "first", "last"],
        Field(description="Teacher layers to start from: evenly spread, lowest or highest."),
    ] = "every-other"
    width: Annotated[
        int | None,
        Field(ge=1, le=4096, description="Hidden size: a multiple of the teacher's head size."),
    ] = None
    heads: Annotated[
        int | None, Field(ge=1, le=256, description="Attention heads of each layer.")
    ] = None
    neurons: Annotated[
        int | None, Field(ge=1, le=65536, description="Feed-forward neurons of each layer.")
    ] = None

    dimension: Annotated[
        int | None,
        Field(ge=1, le=4096, description="Length of the vectors of a sentence embedding model."),
    ] = None
    vocabulary: Annotated[
        int | None,
        Field(
            ge=100,
            le=200_000,
            description="Pieces of a vocabulary of its own, for sentence embeddings in several"
            " languages.",
        ),
    ] = None

    def teacher_layers(self, count: int) -> list[int]:
        """Choose the teacher layers that the student is initialised from.

        Args:
            count: Number of layers of the teacher.

        Returns:
            Ascending layer numbers. `every-other` spreads them evenly, starting with the lowest, as
            DistilBERT does (Sanh et al. 2019, section 3).
        """
        if self.take == "first":
            return list(range(self.layers))
        if self.take == "last":
            return list(range(count - self.layers, count))
        return [i * count // self.layers for i in range(self.layers)]

    def build(self, teacher: Classifier, rows: Split) -> Classifier:
        """Build the student from parts of its teacher.

        Args:
            teacher: Not changed.
            rows: Texts to measure activations on, unless the student only has fewer layers.

        Returns:
            The untrained student.
        """
        from coldpress.distillation.student_init import init_student

        return init_student(teacher, self, rows)

    def check(self, teacher: TeacherSize) -> None:
        """Check that the student can be built from this teacher.

        Args:
            teacher: Sizes of the teacher.

        Raises:
            InputError: The student would be larger, its width is not a multiple of the head size,
                or its width is that of the teacher's embedding table before the projection.
        """
        sizes = {
            "layers": (self.layers, teacher.layers),
            "width": (self.width or 0, teacher.hidden_size),
            "heads": (self.heads or 0, teacher.heads),
            "neurons": (self.neurons or 0, teacher.neurons),
        }
        for field, (size, limit) in sizes.items():
            if size > limit:
                raise InputError(f"distill.student.{field}: {size}, but the teacher has {limit}")
        if (self.width or 0) % teacher.head_size:
            raise InputError(
                f"distill.student.width: {self.width} is not a multiple of {teacher.head_size},"
                " the size of the teacher's heads"
            )
        if teacher.projected_from is not None and self.width == teacher.projected_from:
            raise InputError(
                f"distill.student.width: {self.width} is the width of the teacher's embedding"
                " table, which a projection follows; choose another width"
            )
