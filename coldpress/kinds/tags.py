"""Tags of words: the beginning or the inside of an entity of some type, or outside of entities.

A model has an output for `O` and two for each type, in the order of `tag_names`. Entities are read
as conlleval does (Tjong Kim Sang & De Meulder 2003), and seqeval by default: an entity begins with
a tag B-X, or with I-X after a tag that is not of type X, and continues with I-X.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

OUTSIDE = 0
"""Index of `O`. It is also the prediction for a word that a model does not see."""


def tag_names(types: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a model's outputs: `O`, then B and I of each type."""
    return ("O", *(f"{prefix}-{name}" for name in types for prefix in "BI"))


def entity_types(names: Sequence[str]) -> tuple[str, ...]:
    """Return the types in the order of their tags: the inverse of `tag_names`."""
    return tuple(name[2:] for name in names[1::2])


def begin_tag(type_index: int) -> int:
    """Return the index of B-X of a type."""
    return 1 + 2 * type_index


@dataclass(frozen=True)
class Entities:
    """Entities of tagged words, in their order.

    Attributes:
        first: Number of the first word, shape (entities,).
        end: Number of the last word plus one, shape (entities,).
        types: Index of the type, shape (entities,).
    """

    first: IntArray
    end: IntArray
    types: IntArray

    def __len__(self) -> int:
        """Return the number of entities."""
        return len(self.first)

    def are_in(self, others: Entities) -> NDArray[np.bool_]:
        """Return whether each entity is one of the others: same words and type.

        Args:
            others: Entities of the same words.
        """
        found = set(zip(others.first, others.end, others.types, strict=True))
        own = zip(self.first, self.end, self.types, strict=True)
        return np.asarray([entity in found for entity in own], dtype=bool)


def find_entities(tags: IntArray, texts: IntArray) -> Entities:
    """Find the entities of tagged words.

    Args:
        tags: Indices of tags, shape (words,).
        texts: Number of each word's text, shape (words,); an entity ends with its text.
    """
    types = (tags - 1) // 2  # -1 outside
    previous = np.concatenate([[-1], types])[:-1]
    previous[1:][texts[1:] != texts[:-1]] = -1
    inside = types >= 0
    begins = inside & ((tags % 2 == 1) | (types != previous))
    first = np.flatnonzero(begins)
    stops = np.concatenate([np.flatnonzero(begins | ~inside), [len(tags)]])
    text_starts = np.flatnonzero(np.concatenate([[False], texts[1:] != texts[:-1]]))
    stops = np.union1d(stops, text_starts)
    end = stops[np.searchsorted(stops, first, side="right")]
    return Entities(first, end, types[first])


def text_types(targets: IntArray, count: int) -> IntArray:
    """Return which types occur in each text.

    Args:
        targets: Tag and text of each word, shape (words, 2).
        count: Number of types.

    Returns:
        0 or 1, shape (texts, types).
    """
    tags, texts = targets[:, 0], targets[:, 1]
    inside = tags != OUTSIDE
    found = np.zeros((int(texts.max(initial=-1)) + 1, count), dtype=np.int64)
    found[texts[inside], (tags[inside] - 1) // 2] = 1
    return found


def begin_entities(tags: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """Write B-X wherever an entity begins: IOB1 becomes BIO.

    Args:
        tags: Of the words of one text.

    Returns:
        The tags, and how many of them were changed.
    """
    given = np.asarray(tags, dtype=np.int64)
    result = given.copy()
    first = find_entities(given, np.zeros_like(given)).first
    result[first] = (given[first] - 1) // 2 * 2 + 1
    return tuple(result.tolist()), int((result != given).sum())
