"""Tokenization of splits and padding of batches, with the same library as at serving time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coldpress.data.ragged import Ragged, join_ragged
from coldpress.data.sampling import evenly_spaced_rows
from coldpress.data.tokenizing import tokenize_parts
from coldpress.data.word_tokens import (
    Array,
    IntArray,
    WordPlaces,
    concat_integers,
    find_words,
    place_words,
)

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

    from coldpress.data.splits import Split


@dataclass(frozen=True)
class EncodedSplit:
    """A split as token ids, without padding.

    A unit is what one output vector belongs to: a row, or a word of a row. Units are numbered over
    the whole split, in the order of the rows and of the words in them.

    Attributes:
        input_ids: An array of shape (tokens,) for each row.
        token_type_ids: Segment ids, of the same shapes.
        targets: Shape (units,) or (units, k); only the first units may have targets, since
            unlabelled rows come last.
        truncated: Number of rows that exceeded the tokenizer's limit.
        pad_id: Token id that pads the shorter rows of a batch.
        words: For each row, the position of each word's first token, shape (words,); `UNSEEN` for
            a word without a token. None if the units are the rows.
    """

    input_ids: Sequence[IntArray]
    token_type_ids: Sequence[IntArray]
    targets: NDArray[Any]
    truncated: int
    pad_id: int
    words: Sequence[IntArray] | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.input_ids)

    @cached_property
    def first_units(self) -> IntArray:
        """Number of each row's first unit, and the number of all units: shape (rows + 1,)."""
        if self.words is None:
            return np.arange(len(self) + 1)
        return np.cumsum([0, *map(len, self.words)])

    @property
    def unit_count(self) -> int:
        """Number of units."""
        return int(self.first_units[-1])

    def units_of(self, rows: Sequence[int] | IntArray) -> IntArray:
        """Return the numbers of the units of some rows, row by row.

        Args:
            rows: Row indices.
        """
        first = self.first_units
        return concat_integers([np.arange(first[row], first[row + 1]) for row in rows])

    def take(self, rows: Sequence[int] | IntArray) -> EncodedSplit:
        """Return some rows; their `truncated` is not counted again.

        Args:
            rows: Row indices; those with targets come first.
        """
        units = self.units_of(rows)
        return replace(
            self,
            input_ids=tuple(self.input_ids[row] for row in rows),
            token_type_ids=tuple(self.token_type_ids[row] for row in rows),
            targets=self.targets[units[units < len(self.targets)]],
            words=None if self.words is None else tuple(self.words[row] for row in rows),
        )

    def batch(self, rows: Sequence[int]) -> Batch:
        """Pad some rows to the length of the longest.

        Args:
            rows: Row indices.

        Returns:
            Arrays of shape (batch, tokens).
        """
        tokens = max(len(self.input_ids[row]) for row in rows)
        ids = np.full((len(rows), tokens), self.pad_id, dtype=np.int64)
        types = np.zeros_like(ids)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            length = len(self.input_ids[row])
            ids[i, :length] = self.input_ids[row]
            types[i, :length] = self.token_type_ids[row]
            mask[i, :length] = 1
        return Batch(ids, mask, types, np.asarray(rows, dtype=np.int64), self._places(rows))

    def _places(self, rows: Sequence[int]) -> WordPlaces | None:
        if self.words is None:
            return None
        return place_words([self.words[row] for row in rows], self.units_of(rows))

    def sample_evenly(self, count: int) -> EncodedSplit:
        """Return rows at even distances, in their order; their `truncated` is 0.

        Args:
            count: Number of rows; all rows if there are fewer.
        """
        return replace(self.take(evenly_spaced_rows(len(self), count)), truncated=0)

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Yield every row once, longest first, so that batches need little padding.

        Args:
            batch_size: Rows per batch; the last batch may be smaller.

        Yields:
            Batches; `rows` maps their results back to the split.
        """
        order = sorted(range(len(self)), key=lambda row: (-len(self.input_ids[row]), row))
        for start in range(0, len(order), batch_size):
            yield self.batch(order[start : start + batch_size])


@dataclass(frozen=True)
class Batch:
    """Padded arrays of shape (batch, tokens), and their row indices of shape (batch,).

    Attributes:
        places: Where the words are, if the units are words.
    """

    input_ids: IntArray
    attention_mask: IntArray
    token_type_ids: IntArray
    rows: IntArray
    places: WordPlaces | None = None

    @property
    def units(self) -> IntArray:
        """Numbers of the units that have an output vector, shape (units,)."""
        return self.rows if self.places is None else self.places.units

    def select_units(self, outputs: Array) -> Array:
        """Select the output vectors of the units from what a model returns.

        Args:
            outputs: Shape (batch, labels), or (batch, tokens, labels) if the units are words; a
                numpy array or a torch tensor.

        Returns:
            Shape (units, labels).
        """
        if self.places is None:
            return outputs
        return self.places.select(outputs)


def encode(tokenizer: Tokenizer, split: Split) -> EncodedSplit:
    """Tokenize a split.

    Args:
        tokenizer: Tokenizer with truncation enabled; padding is turned off while encoding.
        split: Rows to encode.
    """
    pad_id = find_pad_id(tokenizer)
    parts = [from_encodings(e, part, pad_id) for e, part in tokenize_parts(tokenizer, split)]
    words = [part.words for part in parts if part.words is not None]
    return replace(
        parts[0],
        input_ids=join_ragged([part.input_ids for part in parts]),
        token_type_ids=join_ragged([part.token_type_ids for part in parts]),
        targets=split.target_array,
        truncated=sum(part.truncated for part in parts),
        words=join_ragged(words) if words else None,
    )


def from_encodings(encodings: Sequence[Encoding], split: Split, pad_id: int) -> EncodedSplit:
    """Return tokenized rows as arrays.

    Args:
        encodings: One for each row.
        split: The rows.
        pad_id: Token id that pads the shorter rows of a batch.
    """
    return EncodedSplit(
        input_ids=Ragged.of(e.ids for e in encodings),
        token_type_ids=Ragged.of(e.type_ids for e in encodings),
        targets=split.target_array,
        truncated=sum(bool(e.overflowing) for e in encodings),
        pad_id=pad_id,
        words=None if split.words is None else find_words(encodings, split.words),
    )


def find_pad_id(tokenizer: Tokenizer) -> int:
    """Return the id of the tokenizer's padding token.

    If the tokenizer has no padding configured, the id of `[PAD]` or `<pad>`, and 0 without either.
    """
    if tokenizer.padding:
        return int(tokenizer.padding["pad_id"])
    for name in ("[PAD]", "<pad>"):
        token = tokenizer.token_to_id(name)
        if token is not None:
            return int(token)
    return 0
