"""Entities in words, for reports."""

from __future__ import annotations

from collections.abc import Sequence

from coldpress.data.splits import Split
from coldpress.kinds.tags import IntArray, entity_types, find_entities


def describe_entities(split: Split, targets: IntArray, names: Sequence[str]) -> list[str]:
    """Quote the entities of each text with their types.

    Args:
        split: Texts with their words.
        targets: Tag and text of each word, shape (words, 2).
        names: Names of the tags.

    Returns:
        For each text such as `person: Anna Berg; place: Oslo`, or `none`.
    """
    spans = [span for row in split.words or () for span in row]
    types = entity_types(names)
    texts = targets[:, 1]
    entities = find_entities(targets[:, 0], texts)
    found: list[list[str]] = [[] for _ in range(len(split))]
    for first, end, kind in zip(entities.first, entities.end, entities.types, strict=True):
        row = int(texts[first])
        words = split.texts[row][spans[first][0] : spans[end - 1][1]]
        found[row].append(f"{types[kind]}: {words}")
    return ["; ".join(row) if row else "none" for row in found]
