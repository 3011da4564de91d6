"""Texts to token ids to padded batches, by the `tokenizers` library that serves the model too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from coldpress.data.splits import Split

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class EncodedSplit:
    """A split as token ids, row by row, unpadded.

    Attributes:
        input_ids: One array of shape (tokens,) a row.
        token_type_ids: The same for segment ids.
        labels: Shape (rows,); empty for unlabelled rows.
        truncated: How many rows were longer than the tokenizer's limit.
        pad_id: What fills the shorter rows of a batch.
    """

    input_ids: tuple[IntArray, ...]
    token_type_ids: tuple[IntArray, ...]
    labels: IntArray
    truncated: int
    pad_id: int

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.input_ids)

    def batch(self, rows: Sequence[int]) -> Batch:
        """Pad some rows to the longest of them.

        Args:
            rows: Row numbers.

        Returns:
            Arrays of shape (batch, tokens).
        """
        tokens = max(len(self.input_ids[row]) for row in rows)
        ids = np.full((len(rows), tokens), self.pad_id, dtype=np.int64)
        types, mask = np.zeros_like(ids), np.zeros_like(ids)
        for i, row in enumerate(rows):
            length = len(self.input_ids[row])
            ids[i, :length] = self.input_ids[row]
            types[i, :length] = self.token_type_ids[row]
            mask[i, :length] = 1
        return Batch(ids, mask, types, np.asarray(rows, dtype=np.int64))

    def spread(self, most: int) -> EncodedSplit:
        """Take some rows, spread evenly over the split.

        Args:
            most: How many, where there are as many.

        Returns:
            These rows, in their order; how many of them were truncated is not known.
        """
        chosen = np.linspace(0, len(self) - 1, min(most, len(self))).round().astype(int)
        return EncodedSplit(
            tuple(self.input_ids[row] for row in chosen),
            tuple(self.token_type_ids[row] for row in chosen),
            self.labels[chosen] if len(self.labels) else self.labels,
            0,
            self.pad_id,
        )

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Every row once, longest first, so that batches need little padding.

        Args:
            batch_size: Rows a batch; the last may be smaller.

        Yields:
            Batches whose `rows` say where their results belong.
        """
        order = sorted(range(len(self)), key=lambda row: (-len(self.input_ids[row]), row))
        for start in range(0, len(order), batch_size):
            yield self.batch(order[start : start + batch_size])


@dataclass(frozen=True)
class Batch:
    """Padded arrays of shape (batch, tokens), and the rows they are, of shape (batch,)."""

    input_ids: IntArray
    attention_mask: IntArray
    token_type_ids: IntArray
    rows: IntArray


def encode(tokenizer: Tokenizer, split: Split) -> EncodedSplit:
    """Tokenize a split.

    Args:
        tokenizer: With its truncation set; its padding is left to the batches.
        split: Rows to encode.

    Returns:
        The rows as ids, and how many of them were cut.
    """
    padding = tokenizer.padding
    rows = (
        list(split.texts)
        if split.pairs is None
        else list(zip(split.texts, split.pairs, strict=True))
    )
    tokenizer.no_padding()
    encodings = tokenizer.encode_batch(rows)
    if padding:
        tokenizer.enable_padding(**padding)
    return EncodedSplit(
        input_ids=tuple(np.asarray(e.ids, dtype=np.int64) for e in encodings),
        token_type_ids=tuple(np.asarray(e.type_ids, dtype=np.int64) for e in encodings),
        labels=np.asarray(split.labels, dtype=np.int64),
        truncated=sum(bool(e.overflowing) for e in encodings),
        pad_id=find_pad_id(tokenizer),
    )


def remap_token_ids(encoded: EncodedSplit, old: Tokenizer, new: Tokenizer) -> EncodedSplit:
    """Give rows the ids that the same tokens have in another tokenizer.

    Args:
        encoded: Rows as the old tokenizer numbers them.
        old: Knows every token of the rows.
        new: Knows them too.

    Returns:
        The same rows as the new tokenizer numbers them.

    Raises:
        KeyError: A token is unknown to the new tokenizer.
    """
    # An added token's name from its id is the normalized one, which is not in the vocabulary.
    names = {at: token for token, at in old.get_vocab().items()}
    known = new.get_vocab()
    ids = {int(token) for row in encoded.input_ids for token in np.unique(row)}
    place = np.zeros(max(ids, default=0) + 1, dtype=np.int64)
    for token in ids:
        place[token] = known[names[token]]
    rows = tuple(place[row] for row in encoded.input_ids)
    return replace(encoded, input_ids=rows, pad_id=find_pad_id(new))


def find_pad_id(tokenizer: Tokenizer) -> int:
    """Return the id of the tokenizer's padding token.

    Args:
        tokenizer: Any tokenizer of an encoder.

    Returns:
        The id that its padding names; without padding, the id of `[PAD]` or `<pad>`, or 0 where
        there is neither.
    """
    if tokenizer.padding:
        return int(tokenizer.padding["pad_id"])
    for name in ("[PAD]", "<pad>"):
        token = tokenizer.token_to_id(name)
        if token is not None:
            return int(token)
    return 0
