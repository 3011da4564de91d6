"""Tokenization of splits and padding of batches, with the same library as at serving time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coldpress.data.sampling import evenly_spaced_rows

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from coldpress.data.splits import Split

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class EncodedSplit:
    """A split as token ids, without padding.

    Attributes:
        input_ids: An array of shape (tokens,) for each row.
        token_type_ids: Segment ids, of the same shapes.
        targets: Shape (rows,) or (rows, values of a target), int64 or float64; empty for
            unlabelled rows.
        truncated: Number of rows that exceeded the tokenizer's limit.
        pad_id: Token id that pads the shorter rows of a batch.
    """

    input_ids: tuple[IntArray, ...]
    token_type_ids: tuple[IntArray, ...]
    targets: NDArray[Any]
    truncated: int
    pad_id: int

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.input_ids)

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
        return Batch(ids, mask, types, np.asarray(rows, dtype=np.int64))

    def sample_evenly(self, count: int) -> EncodedSplit:
        """Return rows at even distances, in their order; their `truncated` is 0.

        Args:
            count: Number of rows; all rows if there are fewer.
        """
        rows = evenly_spaced_rows(len(self), count)
        return EncodedSplit(
            input_ids=tuple(self.input_ids[row] for row in rows),
            token_type_ids=tuple(self.token_type_ids[row] for row in rows),
            targets=self.targets[rows] if len(self.targets) else self.targets,
            truncated=0,
            pad_id=self.pad_id,
        )

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
    """Padded arrays of shape (batch, tokens), and their row indices of shape (batch,)."""

    input_ids: IntArray
    attention_mask: IntArray
    token_type_ids: IntArray
    rows: IntArray


def encode(tokenizer: Tokenizer, split: Split) -> EncodedSplit:
    """Tokenize a split.

    Args:
        tokenizer: Tokenizer with truncation enabled; padding is turned off while encoding.
        split: Rows to encode.
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
        targets=split.target_array,
        truncated=sum(bool(e.overflowing) for e in encodings),
        pad_id=find_pad_id(tokenizer),
    )


def remap_token_ids(encoded: EncodedSplit, old: Tokenizer, new: Tokenizer) -> EncodedSplit:
    """Replace token ids by the ids of the same tokens in another tokenizer.

    Args:
        encoded: Rows encoded by the old tokenizer.
        old: Tokenizer of the rows.
        new: Tokenizer whose vocabulary has every token of the rows.

    Raises:
        KeyError: The new tokenizer lacks a token.
    """
    # Not id_to_token(): it normalizes an added token, and that form is not in the vocabulary.
    old_tokens = {token_id: token for token, token_id in old.get_vocab().items()}
    new_ids = new.get_vocab()
    used_ids = {int(token_id) for row in encoded.input_ids for token_id in np.unique(row)}
    mapping = np.zeros(max(used_ids, default=0) + 1, dtype=np.int64)
    for token_id in used_ids:
        mapping[token_id] = new_ids[old_tokens[token_id]]
    rows = tuple(mapping[row] for row in encoded.input_ids)
    return replace(encoded, input_ids=rows, pad_id=find_pad_id(new))


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
