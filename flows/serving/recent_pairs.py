"""The latest pairs of numbers of two models, in an array that need not be copied to be read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_PAIRS = 10_000


class RecentPairs:
    """Keeps the latest 10,000 pairs; used by one thread."""

    def __init__(self) -> None:
        self._pairs = np.empty((MOST_PAIRS, 2))
        self._count = 0

    def add(self, first: float, second: float) -> None:
        """Add a pair in the place of the oldest one."""
        self._pairs[self._count % MOST_PAIRS] = (first, second)
        self._count += 1

    def values(self) -> NDArray[np.float64]:
        """Return the pairs in any order, shape (pairs, 2)."""
        return self._pairs[: self._count]
