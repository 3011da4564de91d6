"""More transfer data: the training texts, with some of their words replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from coldpress.errors import InputError
from coldpress.schema.section import Section

if TYPE_CHECKING:
    from coldpress.data.splits import Split
    from coldpress.model.classifier import Classifier


class Augmentation(Section):
    """Make variants of every text; the teacher answers them, and no label is claimed for them."""

    copies: Annotated[int, Field(ge=1, le=100, description="Variants of each text.")] = 2
    replace: Annotated[
        float, Field(ge=0.0, le=1.0, description="Share of words that a neighbour replaces.")
    ] = 0.2
    neighbours: Annotated[
        int, Field(ge=1, le=1000, description="Nearest tokens among which one is drawn.")
    ] = 15
    mask: Annotated[float, Field(ge=0.0, le=1.0, description="Share of words masked.")] = 0.1

    @model_validator(mode="after")
    def _shares_are_of_the_same_words(self) -> Self:
        if not 0 < self.replace + self.mask <= 1:
            raise ValueError("replace and mask: together above 0 and at most 1")
        return self

    def check_mask(self, token: str) -> None:
        """Check that there is something to stand in the place of a masked word.

        Args:
            token: The teacher's mask token; empty where it has none.

        Raises:
            InputError: Words are to be masked, and there is no token for that.
        """
        if self.mask and not token:
            raise InputError(
                "soft_targets.augment.mask: the teacher's tokenizer has no mask_token; set 0"
            )

    def more(self, teacher: Classifier, rows: Split, seed: int) -> Split:
        """Make the variants.

        Args:
            teacher: Brings the tokenizer and the table that nearness is measured in.
            rows: Texts or pairs, labelled or not.
            seed: Equal seeds, equal variants.

        Returns:
            Unlabelled rows, none of which stands in `rows` or twice.

        Raises:
            InputError: Words are to be masked, and the tokenizer has no token for that.
        """
        from coldpress.distillation.word_replacement import make_variants

        return make_variants(teacher, rows, self, seed)
