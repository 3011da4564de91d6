"""Words of texts: given as tokens, or found by one rule in training and in serving."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coldpress.data.splits import WordSpans

_WORD = re.compile(r"\w+|[^\w\s]")
"""A run of letters, digits and underscores, or any other character but space."""


def split_words(text: str) -> WordSpans:
    """Return start and end of each word of a text: runs of word characters, other characters.

    The predictor splits texts by the same rule.

    Args:
        text: Any text; one that is not blank has a word.
    """
    return tuple(match.span() for match in _WORD.finditer(text))


def join_words(words: Sequence[str]) -> tuple[str, WordSpans]:
    """Join words by spaces.

    Args:
        words: At least one.

    Returns:
        The text, and start and end of each word in it.
    """
    spans = []
    start = 0
    for word in words:
        spans.append((start, start + len(word)))
        start += len(word) + 1
    return " ".join(words), tuple(spans)
