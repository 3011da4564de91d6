"""Augmentation of the transfer set: training texts with words replaced, or crossed with others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from coldpress.errors import InputError
from coldpress.schema.section import FlatChoice, Section

if TYPE_CHECKING:
    from coldpress.data.splits import Split, WordSpans
    from coldpress.model.classifier import Classifier


class Variant(NamedTuple):
    """A variant of a row.

    Attributes:
        texts: Its text, or the two texts of a pair.
        words: Start and end of each word, for kinds that predict each word; None for others.
    """

    texts: tuple[str, ...]
    words: WordSpans | None


class Augmentation(Section):
    """Make variants of every text. They have soft targets from the teacher, but no labels."""

    copies: Annotated[int, Field(ge=0, le=100, description="Variants of each text.")] = 2
    crossovers: Annotated[
        int, Field(ge=0, le=100, description="Variants of each text that end as another text.")
    ] = 0
    max_rows: Annotated[
        int | None,
        Field(ge=1, description="Fewer variants if there would be more rows with them."),
        FlatChoice(),
    ] = None
    replace: Annotated[
        float,
        Field(
            ge=0.0,
            le=1.0,
            description="Share of words of a variant replaced by a neighbouring token.",
        ),
    ] = 0.2
    neighbours: Annotated[
        int, Field(ge=1, le=1000, description="Number of nearest tokens to draw from.")
    ] = 15
    mask: Annotated[
        float, Field(ge=0.0, le=1.0, description="Share of words of a variant that are masked.")
    ] = 0.1
    random: Annotated[
        float,
        Field(
            ge=0.0,
            le=1.0,
            description="Share of words of a variant replaced by any word of the vocabulary.",
        ),
    ] = 0.0

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        changed = self.replace + self.mask + self.random
        if changed > 1:
            raise ValueError("replace, mask and random: their sum must be at most 1")
        if self.copies and not changed:
            raise ValueError("replace, mask and random: one must be above 0 to make copies")
        return self

    def for_rows(self, rows: int) -> Augmentation:
        """Return the plan for a number of texts: with fewer variants because of `max_rows`.

        Args:
            rows: Number of texts.
        """
        if self.max_rows is None:
            return self
        room = max(0, self.max_rows // max(1, rows) - 1)
        copies = min(self.copies, room)
        crossovers = min(self.crossovers, room - copies)
        return self.model_copy(update={"copies": copies, "crossovers": crossovers})

    @property
    def _masks(self) -> bool:
        """True if variants contain the mask token."""
        return bool(self.mask and self.copies + self.crossovers)

    def check_mask(self, token: str) -> None:
        """Check that there is a mask token if words are to be masked.

        Args:
            token: The teacher's mask token; empty if it has none.

        Raises:
            InputError: Words are to be masked, but the tokenizer has no mask token.
        """
        if self._masks and not token:
            raise InputError(
                "soft_targets.augment.mask: the teacher's tokenizer has no mask_token; set 0"
            )

    def check_student_mask(self, token: str, students: str) -> None:
        """Check that a student with another tokenizer reads the mask token as one.

        Args:
            token: The teacher's mask token, which masked texts contain.
            students: The student's mask token; empty if it has none.

        Raises:
            InputError: Words are to be masked, and the tokens differ.
        """
        if self._masks and token != students:
            raise InputError(
                f"soft_targets.augment.mask: the teacher's mask token is {token!r}, that of"
                f" distill.student.from {repr(students) if students else 'missing'}; set 0"
            )

    def make_variants(self, teacher: Classifier, rows: Split, seed: int) -> Split:
        """Make variants of the rows.

        Args:
            teacher: Its tokenizer and its token embeddings are used.
            rows: Texts or text pairs, labelled or not.
            seed: The same seed gives the same variants.

        Returns:
            Unlabelled rows, without duplicates and without rows of the input. There are none if
            `max_rows` leaves no room for a variant of each text.

        Raises:
            InputError: Words are to be masked, but the tokenizer has no mask token.
        """
        from coldpress.distillation.variants import make_variants

        return make_variants(teacher, rows, self, seed)
