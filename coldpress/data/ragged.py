"""Rows of integers of different lengths, in one array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


class Ragged(Sequence[IntArray]):
    """Arrays of integers, such as the token ids of texts, without an object for each.

    They are kept in 32 bits and returned in 64.
    """

    def __init__(self, values: NDArray[np.int32], starts: NDArray[np.int64]) -> None:
        """Keep arrays.

        Args:
            values: All integers, shape (integers,).
            starts: Where each array starts, and the number of all integers, shape (arrays + 1,).
        """
        self._values = values
        self._starts = starts

    @classmethod
    def of(cls, rows: Iterable[Sequence[int] | IntArray]) -> Ragged:
        """Copy integers.

        Args:
            rows: Integers of each array.
        """
        arrays = [np.asarray(row, dtype=np.int32) for row in rows]
        starts = np.cumsum([0, *map(len, arrays)])
        return cls(np.concatenate([np.zeros(0, np.int32), *arrays]), starts)

    @property
    def values(self) -> NDArray[np.int32]:
        """All integers, shape (integers,)."""
        return self._values

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of integers of each array, shape (arrays,)."""
        return np.diff(self._starts)

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, row: int) -> IntArray: ...
    @overload
    def __getitem__(self, row: slice) -> tuple[IntArray, ...]: ...
    def __getitem__(self, row: int | slice) -> IntArray | tuple[IntArray, ...]:
        if isinstance(row, slice):
            return tuple(self[number] for number in range(len(self))[row])
        number = range(len(self))[row]
        return self._values[self._starts[number] : self._starts[number + 1]].astype(np.int64)

    def __iter__(self) -> Iterator[IntArray]:
        for start, end in pairwise(self._starts.tolist()):
            yield self._values[start:end].astype(np.int64)


def join_ragged(parts: Sequence[Sequence[IntArray]]) -> Ragged:
    """Return the arrays of all parts, of which there is at least one."""
    ragged = [part if isinstance(part, Ragged) else Ragged.of(part) for part in parts]
    lengths = np.concatenate([part.lengths for part in ragged])
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return Ragged(np.concatenate([part.values for part in ragged]), starts)
