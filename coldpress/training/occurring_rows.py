"""Training of those rows of a token table that the texts contain.

All other rows have no gradient. Nevertheless a step would clear the gradient of the whole table,
add up its squares, and update two moments of each number. For a narrow student with a large
vocabulary, that is most of the work (docs/log.md, 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit
from coldpress.model.classifier import Classifier

_MOST = 0.75
"""Share of the rows above which the whole table is trained."""


class OccurringRows(nn.Module):
    """Some rows of a table, which are looked up by their numbers in the table.

    Attributes:
        ids: Numbers of these rows, shape (rows,).
        weight: Shape (rows, width).
    """

    ids: Tensor
    _places: Tensor

    def __init__(self, table: nn.Embedding, ids: Tensor) -> None:
        """Copy rows.

        Args:
            table: Not changed.
            ids: Numbers of its rows, ascending, shape (rows,).
        """
        super().__init__()
        # Out of range, so that a row which is not here is an error.
        places = torch.full((table.num_embeddings,), len(ids))
        places[ids] = torch.arange(len(ids))
        self.register_buffer("ids", ids, persistent=False)
        self.register_buffer("_places", places, persistent=False)
        self.weight = nn.Parameter(table.weight.detach()[ids].clone())
        padding = table.padding_idx
        has_padding = padding is not None and int(places[padding]) < len(ids)
        self._padding = int(places[padding]) if has_padding else None

    def forward(self, ids: Tensor) -> Tensor:
        """Look up rows by their numbers in the table, shape (batch, tokens, width)."""
        return nn.functional.embedding(self._places[ids], self.weight, self._padding)

    @torch.no_grad()
    def read(self, table: nn.Embedding) -> None:
        """Copy the rows from the table."""
        self.weight.copy_(table.weight[self.ids.to(table.weight.device)])

    @torch.no_grad()
    def write(self, table: nn.Embedding) -> None:
        """Copy the rows to the table, which moves to the same device."""
        table.to(self.weight.device)
        table.weight[self.ids] = self.weight


def select_rows(classifier: Classifier, splits: Sequence[EncodedSplit]) -> OccurringRows | None:
    """Select the rows that texts need.

    Args:
        classifier: Not changed.
        splits: All texts that are read while the rows are in place.

    Returns:
        Rows of the tokens that occur, and rows that belong to no token; None if the table is not
        trained, or if hardly any row can be left out.
    """
    table = classifier.token_table
    # A subclass computes its rows in another way.
    if type(table) is not nn.Embedding or not table.weight.requires_grad:
        return None
    needed = np.zeros(table.num_embeddings, dtype=bool)
    needed[classifier.tokenizer.get_vocab_size() :] = True
    for split in splits:
        needed[split.pad_id] = True
        for ids in split.input_ids:
            needed[ids] = True
    if needed.mean() > _MOST:
        return None
    return OccurringRows(table, torch.from_numpy(np.flatnonzero(needed)))


@contextmanager
def in_place_of_table(classifier: Classifier, rows: OccurringRows | None) -> Iterator[None]:
    """Let a classifier read these rows inside the context; afterwards its table has their values.

    Args:
        classifier: The classifier that is trained inside the context.
        rows: Rows of its table; None does nothing.
    """
    if rows is None:
        yield
        return
    path, table = classifier.token_table_path, classifier.token_table
    rows.read(table)
    classifier.encoder.set_submodule(path, rows)
    try:
        yield
    finally:
        classifier.encoder.set_submodule(path, table)
        rows.write(table)
