"""Rows whose words the tokenizer of the tests knows."""

from __future__ import annotations

from coldpress.data.splits import Split, row_ids

WORDS = ("cold", "press", "olive", "oil", "slow", "warm", "fast", "stone")


def make_rows(count: int) -> Split:
    """Return texts of one to eight words, of which many are the same."""
    texts = tuple(" ".join(WORDS[: 1 + n % 8]) for n in range(count))
    return Split(row_ids(texts, None), texts, None, ())
