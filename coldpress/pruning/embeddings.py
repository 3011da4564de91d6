"""Factored token embeddings (Lan et al. 2020, "ALBERT", section 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.errors import InputError
from coldpress.method import MethodSection

if TYPE_CHECKING:
    from coldpress.method import TeacherDescription
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.context import PruningContext


class Embeddings(MethodSection):
    """Replace the token embedding table by the product of two smaller matrices."""

    size_neutral: ClassVar[bool] = False

    method: Literal["embeddings"]
    rank: Annotated[
        int,
        Field(ge=1, le=4096, description="Numbers per token; smaller than the table's width."),
    ]
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 1

    def check(self, teacher: TeacherDescription) -> None:
        """Check that the rank is smaller than the width of the table.

        Args:
            teacher: Of the recipe, with the width of the student if there is one.

        Raises:
            InputError: It is not.
        """
        self._check_width(teacher.size.table_width)

    def prune(self, classifier: Classifier, context: PruningContext) -> Classifier:
        """Replace the table by its best factors; tokens of the texts count by their frequency.

        Args:
            classifier: The source; not changed.
            context: Its training rows are counted.

        Returns:
            A classifier with the factors (vocabulary, rank) and (rank, width).

        Raises:
            InputError: The table is not wider than the rank.
        """
        from coldpress.model.low_rank import factor_token_table

        self._check_width(classifier.token_table.embedding_dim)
        return factor_token_table(classifier, self.rank, context.data.train)

    def _check_width(self, width: int) -> None:
        if self.rank >= width:
            raise InputError(
                f"prune: embeddings: rank: {self.rank} is not smaller than {width}, the width of"
                " the embedding table"
            )
