"""Texts that begin as one text and end as another.

After Luque 2019, "Atalaya at TASS 2019: Data Augmentation and Robust Embeddings for Sentiment
Analysis", section 3.3, which crosses tweets of the same label ("instance crossover"). Here any two
texts are crossed, since the result gets its soft targets from the teacher.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from coldpress.data.splits import Split, WordSpans
from coldpress.data.words import split_words
from coldpress.distillation.augmentation import Variant

DividedText = tuple[str, WordSpans]
"""A text, and start and end of its words."""


def cross_rows(rows: Split, count: int, rng: np.random.Generator) -> Iterator[Variant]:
    """Yield each row crossed with other rows that are drawn at random.

    Args:
        rows: Texts or text pairs; each text of a pair is crossed with that of the other pair.
        count: Crossed rows that begin as the same row.
        rng: Source of all draws.
    """
    if not count:
        return
    divided = _divide_texts(rows)
    for row in divided * count:
        partner = divided[int(rng.integers(len(rows)))]
        crossed = [cross_texts(*texts, rng) for texts in zip(row, partner, strict=True)]
        texts = tuple(text for text, _ in crossed)
        yield Variant(texts, None if rows.words is None else crossed[0][1])


def cross_texts(first: DividedText, second: DividedText, rng: np.random.Generator) -> DividedText:
    """Join the first words of a text and the last words of another.

    At least one word of the second text is left out, and one of the first if it has several.

    Args:
        first: A text, and start and end of its words.
        second: The same.
        rng: Draws how many words of each are kept.

    Returns:
        The text, and start and end of its words. Characters between words are kept.
    """
    (head, head_words), (tail, tail_words) = first, second
    count = int(rng.integers(1, max(2, len(head_words))))
    dropped = int(rng.integers(1, max(2, len(tail_words))))
    head = head[: head_words[count - 1][1]]
    cut = tail_words[dropped - 1][1]
    shift = len(head) - cut
    shifted = tuple((start + shift, end + shift) for start, end in tail_words[dropped:])
    return head + tail[cut:], head_words[:count] + shifted


def _divide_texts(rows: Split) -> list[list[DividedText]]:
    """Return each row's texts with their words."""
    if rows.words is not None:
        return [[divided] for divided in zip(rows.texts, rows.words, strict=True)]
    return [[(text, split_words(text)) for text in texts] for texts in rows.row_texts]
