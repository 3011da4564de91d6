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


def cross_rows(rows: Split, count: int, rng: np.random.Generator) -> Iterator[Variant]:
    """Yield each row crossed with other rows that are drawn at random.

    Args:
        rows: Texts or text pairs; each text of a pair is crossed with that of the other pair.
        count: Crossed rows that begin as the same row.
        rng: Source of all draws.
    """
    for number in list(range(len(rows))) * count:
        partner = int(rng.integers(len(rows)))
        crossed = [
            cross_texts(first, second, rng)
            for first, second in zip(_words_of(rows, number), _words_of(rows, partner), strict=True)
        ]
        texts = tuple(text for text, _ in crossed)
        yield Variant(texts, None if rows.words is None else crossed[0][1])


def cross_texts(
    first: tuple[str, WordSpans], second: tuple[str, WordSpans], rng: np.random.Generator
) -> tuple[str, WordSpans]:
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


def _words_of(rows: Split, number: int) -> list[tuple[str, WordSpans]]:
    """Return each text of a row with its words."""
    texts = rows.texts_of(number)
    if rows.words is not None:
        return [(texts[0], rows.words[number])]
    return [(text, split_words(text)) for text in texts]
