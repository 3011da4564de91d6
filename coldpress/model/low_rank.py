"""Low-rank factors of the token table (Eckart and Young 1936)."""

from __future__ import annotations

import torch
from torch import Tensor

from coldpress.data.encoding import EncodedSplit
from coldpress.data.word_tokens import concat_integers
from coldpress.model.classifier import Classifier
from coldpress.model.factored_embedding import add_factors, full_token_table


def factor_token_table(classifier: Classifier, rank: int, rows: EncodedSplit) -> Classifier:
    """Return a copy whose token table is a product of two factors.

    Args:
        classifier: The source.
        rank: Columns of the first factor; fewer if the table has fewer rows.
        rows: Texts in which the tokens are counted: those that occur often lose least.

    Returns:
        A classifier with the factors (vocabulary, rank) and (rank, width).
    """
    factored = classifier.copy()
    table = full_token_table(classifier)
    left, right = low_rank_factors(table, token_counts(rows, len(table)), rank)
    module = add_factors(factored, left.shape[1])
    module.table.weight.data = left
    module.projection.weight.data = right.T.contiguous()
    return factored


def low_rank_factors(table: Tensor, counts: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Return the two factors whose product differs least from a table.

    The squared differences of a row are weighted by the count of its token plus one (Chen et al.
    2018, "GroupReduce"). With Q = diag(counts + 1), the best product of rank r is W V
    V', where V has the first r right singular vectors of Q^(1/2) W: Eckart and Young 1936.

    Args:
        table: W, shape (vocabulary, width).
        counts: Occurrences of every token, shape (vocabulary,).
        rank: r.

    Returns:
        Shapes (vocabulary, r) and (r, width). A column of the first and the row of the second that
        it is multiplied by have equal norms, which costs the least when both are rounded.
    """
    weights = (counts + 1).sqrt()[:, None]
    right = torch.linalg.svd(weights * table, full_matrices=False).Vh[:rank]
    left = table @ right.T
    norms = left.norm(dim=0).sqrt()
    scale = torch.where(norms > 0, norms, torch.ones_like(norms))
    return left / scale, right * scale[:, None]


def token_counts(rows: EncodedSplit, vocabulary: int) -> Tensor:
    """Count the tokens of texts.

    Args:
        rows: Encoded texts.
        vocabulary: Number of tokens.

    Returns:
        float32 of shape (vocabulary,).
    """
    ids = torch.from_numpy(concat_integers(rows.input_ids))
    return torch.bincount(ids, minlength=vocabulary).float()
