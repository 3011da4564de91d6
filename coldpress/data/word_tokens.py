"""The tokens of words: a word's output vector is that of its first token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Encoding

    from coldpress.data.splits import WordSpans

IntArray = NDArray[np.int64]

UNSEEN = -1
"""Position of a word without a token, such as one beyond the limit. Its outputs are all 0."""


class _Indexable(Protocol):
    def __getitem__(self, index: Any, /) -> Any: ...  # noqa: ANN401


Array = TypeVar("Array", bound=_Indexable)


@dataclass(frozen=True)
class WordPlaces:
    """Where a batch has the first tokens of words.

    Attributes:
        units: Number of each word that has a token, shape (units,).
        rows: Its row in the batch, shape (units,).
        positions: The position of its first token, shape (units,).
    """

    units: IntArray
    rows: IntArray
    positions: IntArray

    def select(self, outputs: Array) -> Array:
        """Select the output vectors of the words.

        Args:
            outputs: Shape (batch, tokens, labels); a numpy array or a torch tensor.

        Returns:
            Shape (units, labels).
        """
        return cast("Array", outputs[self.rows, self.positions])

    def part(self, rows: slice) -> WordPlaces:
        """Return the words of neighbouring rows.

        Args:
            rows: Of the batch; they count from 0 in the result.
        """
        words = self.units_of(rows)
        return WordPlaces(self.units[words], self.rows[words] - rows.start, self.positions[words])

    def units_of(self, rows: slice) -> slice:
        """Return where the words of neighbouring rows of the batch are in `units`."""
        start, stop = np.searchsorted(self.rows, [rows.start, rows.stop]).tolist()
        return slice(start, stop)


def find_words(encodings: Sequence[Encoding], words: Sequence[WordSpans]) -> tuple[IntArray, ...]:
    """Return the positions of the words' first tokens.

    Args:
        encodings: One for each text.
        words: Start and end of each word of each text.

    Returns:
        An array of shape (words,) for each text; see `first_tokens`.
    """
    return tuple(
        first_tokens(encoding.offsets, spans)
        for encoding, spans in zip(encodings, words, strict=True)
    )


def first_tokens(offsets: Sequence[tuple[int, int]], words: WordSpans) -> IntArray:
    """Return the position of each word's first token.

    Args:
        offsets: Start and end of each token in characters; special tokens are empty.
        words: Start and end of each word.

    Returns:
        Shape (words,); `UNSEEN` for a word that no token overlaps.
    """
    positions = [i for i, (start, end) in enumerate(offsets) if end > start]
    starts = np.asarray([offsets[i][0] for i in positions], dtype=np.int64)
    ends = np.asarray([offsets[i][1] for i in positions], dtype=np.int64)
    spans = np.asarray(words, dtype=np.int64).reshape(-1, 2)
    # The first token that ends after the word's start, if it starts before the word's end.
    first = np.searchsorted(ends, spans[:, 0], side="right")
    inside = first < len(positions)
    inside[inside] = starts[first[inside]] < spans[inside, 1]
    found = np.full(len(spans), UNSEEN, dtype=np.int64)
    found[inside] = np.asarray(positions, dtype=np.int64)[first[inside]]
    return found


def place_words(words: Sequence[IntArray], units: IntArray) -> WordPlaces:
    """Find the words of a batch that have a token.

    Args:
        words: For each row of the batch, the positions of its words' first tokens.
        units: Numbers of all words of these rows.
    """
    positions = concat_integers(words)
    rows = np.repeat(np.arange(len(words)), [len(row) for row in words])
    seen = positions != UNSEEN
    return WordPlaces(units[seen], rows[seen], positions[seen])


def concat_integers(arrays: Sequence[IntArray]) -> IntArray:
    """Concatenate arrays of integers, of which there may be none."""
    return np.concatenate([np.zeros(0, dtype=np.int64), *arrays])
