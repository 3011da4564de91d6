"""The shape of the student, and the model whose layers it is initialised from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BeforeValidator, Field

from coldpress.errors import InputError
from coldpress.schema.section import FlatChoice, Section
from coldpress.teacher.pretrained import coerce_model
from coldpress.teacher.spec import TeacherModel

if TYPE_CHECKING:
    from coldpress.data.splits import Split
    from coldpress.model.classifier import Classifier
    from coldpress.teacher.size import TeacherSize


STUDENT_FIELD = "distill.student.from"

StartingModel = Annotated[
    TeacherModel | None,
    BeforeValidator(coerce_model),
    Field(
        alias="from",
        description="Encoder to start from; none: the teacher. It may be of another family and"
        " have another tokenizer.",
    ),
    FlatChoice(),
]


class StudentShape(Section):
    """Sizes of the student, which is made from the teacher or from another pretrained model.

    A size left out is that of the model which the student is made from.
    """

    layers: Annotated[
        int | None,
        Field(ge=1, le=128, description="Number of encoder layers; required without from."),
    ] = None
    take: Annotated[
        Literal["every-other", "first", "last"],
        Field(description="Layers to start from: evenly spread, lowest or highest."),
    ] = "every-other"
    width: Annotated[
        int | None,
        Field(ge=1, le=4096, description="Hidden size: a multiple of the size of a head."),
    ] = None
    heads: Annotated[
        int | None, Field(ge=1, le=256, description="Attention heads of each layer.")
    ] = None
    neurons: Annotated[
        int | None, Field(ge=1, le=65536, description="Feed-forward neurons of each layer.")
    ] = None
    embedding_rank: Annotated[
        int | None,
        Field(
            ge=1,
            le=4096,
            description="Numbers per token, if the token table is a product of two matrices.",
        ),
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
    from_: StartingModel = None

    def without_from(self) -> Self:
        """Return the sizes alone."""
        return self.model_copy(update={"from_": None})

    def teacher_layers(self, count: int) -> list[int]:
        """Choose the teacher layers that the student is initialised from.

        Args:
            count: Number of layers of the teacher, or of the model that takes its place.

        Returns:
            Ascending layer numbers. `every-other` spreads them evenly, starting with the lowest, as
            DistilBERT does (Sanh et al. 2019, section 3).
        """
        layers = self.layers or count
        if self.take == "first":
            return list(range(layers))
        if self.take == "last":
            return list(range(count - layers, count))
        return [i * count // layers for i in range(layers)]

    def build(self, teacher: Classifier, rows: Split) -> Classifier:
        """Build the student from parts of its teacher.

        Args:
            teacher: The teacher, or the model that takes its place; not changed.
            rows: Texts to measure activations on, and to count tokens in; unused if the student
                only has fewer layers.

        Returns:
            The untrained student.
        """
        from coldpress.distillation.student_init import init_student

        return init_student(teacher, self, rows)

    def size(self, source: TeacherSize) -> TeacherSize:
        """Return the sizes that pruning of the student depends on: its width and that of its table.

        Args:
            source: Sizes of the teacher, or of the model that takes its place.
        """
        size = source.with_width(self.width)
        return replace(size, projected_from=self.embedding_rank or size.projected_from)

    def check(self, teacher: TeacherSize) -> None:
        """Check that the student can be built from this teacher.

        Args:
            teacher: Sizes of the teacher, or of the model that takes its place.

        Raises:
            InputError: The student would be larger, its token table would not become narrower, its
                width is not a multiple of the head size, or its width is that of the teacher's
                embedding table before the projection.
        """
        owner = "the teacher" if self.from_ is None else "the pretrained model"
        sizes = {
            "layers": (self.layers or 0, teacher.layers),
            "width": (self.width or 0, teacher.hidden_size),
            "heads": (self.heads or 0, teacher.heads),
            "neurons": (self.neurons or 0, teacher.neurons),
        }
        for field, (size, limit) in sizes.items():
            if size > limit:
                raise InputError(f"distill.student.{field}: {size}, but {owner} has {limit}")
        table_width = teacher.with_width(self.width).table_width
        if (self.embedding_rank or 0) >= table_width:
            raise InputError(
                f"distill.student.embedding_rank: {self.embedding_rank} is not smaller than"
                f" {table_width}, the width of the token table"
            )
        if (self.width or 0) % teacher.head_size:
            raise InputError(
                f"distill.student.width: {self.width} is not a multiple of {teacher.head_size},"
                f" the size of {owner}'s heads"
            )
        if teacher.projected_from is not None and self.width == teacher.projected_from:
            raise InputError(
                f"distill.student.width: {self.width} is the width of {owner}'s embedding"
                " table, which a projection follows; choose another width"
            )
