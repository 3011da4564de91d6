"""Rows without labels, made in a test."""

from __future__ import annotations

from coldpress.data.splits import Split


def unlabelled_rows(*texts: str, pairs: tuple[str, ...] | None = None) -> Split:
    """Return a row for each text, or for each pair of texts.

    Args:
        texts: First texts.
        pairs: Second texts; None without.
    """
    return Split(tuple(f"row-{i}" for i in range(len(texts))), texts, pairs, ())
