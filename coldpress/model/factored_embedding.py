"""A token table as the product of two factors (Lan et al. 2020, "ALBERT", section 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from coldpress.model.architecture import EMBEDDING_RANK

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier

TABLE = "table"
PROJECTION = "projection"


class FactoredEmbedding(nn.Module):
    """Looks up rows of a narrow table, and maps them to the width of the full one.

    Attributes:
        table: Weight of shape (vocabulary, rank).
        projection: Weight of shape (width, rank); no bias.
    """

    def __init__(self, table: nn.Embedding, projection: nn.Linear) -> None:
        """Join two factors.

        Args:
            table: Of shape (vocabulary, rank).
            projection: From the rank to the width, without a bias.
        """
        super().__init__()
        self.table = table
        self.projection = projection

    def forward(self, ids: Tensor) -> Tensor:
        """Return the rows of the full table.

        Args:
            ids: Token ids of any shape.

        Returns:
            Shape (*ids, width).
        """
        rows: Tensor = self.projection(self.table(ids))
        return rows


def full_token_table(classifier: Classifier) -> Tensor:
    """Return the embeddings of all tokens, shape (vocabulary, width).

    Args:
        classifier: In float32; its table may be factored.
    """
    module = classifier.encoder.get_submodule(classifier.architecture.embeddings.words)
    table = classifier.token_table.weight.detach()
    if isinstance(module, FactoredEmbedding):
        return table @ module.projection.weight.detach().T
    return table


def add_factors(classifier: Classifier, rank: int) -> FactoredEmbedding:
    """Replace the token table by two factors with random weights.

    Args:
        classifier: Changed in place; its configuration records the rank.
        rank: Columns of the narrow table.

    Returns:
        The new module.
    """
    table = classifier.token_table
    path = classifier.architecture.embeddings.words
    before = classifier.encoder.get_submodule(path)
    width = table.embedding_dim
    if isinstance(before, FactoredEmbedding):
        width = before.projection.out_features
    factors = FactoredEmbedding(
        nn.Embedding(table.num_embeddings, rank, table.padding_idx),
        nn.Linear(rank, width, bias=False),
    )
    classifier.encoder.set_submodule(path, factors)
    setattr(classifier.config, EMBEDDING_RANK, rank)
    return factors
