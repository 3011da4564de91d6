"""Evenly spaced rows of a split."""

from __future__ import annotations

import numpy as np


def evenly_spaced_rows(rows: int, limit: int) -> list[int]:
    """Choose evenly spaced rows, including the first and the last.

    Args:
        rows: Number of rows in the split.
        limit: Largest number of rows to choose.

    Returns:
        Row numbers, ascending.
    """
    numbers: list[int] = np.linspace(0, rows - 1, min(limit, rows)).round().astype(int).tolist()
    return numbers
