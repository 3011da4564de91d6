"""Columns whose values are read when they are needed, so that memory does not grow with rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

_PART = 8192
"""Values that are read together when all are read."""


@dataclass(frozen=True, eq=False)
class Column(Sequence[T]):
    """A sequence of values that are elsewhere, such as in a file.

    Attributes:
        length: Number of values.
        read: Returns the values at some places, in the order of the places, shape (places,).
    """

    length: int
    read: Callable[[NDArray[np.int64]], Sequence[T]]

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[T, ...]: ...
    def __getitem__(self, place: int | slice) -> T | tuple[T, ...]:
        if isinstance(place, slice):
            return tuple(self.read(np.arange(self.length)[place]))
        return self.read(np.asarray([range(self.length)[place]]))[0]

    def __iter__(self) -> Iterator[T]:
        for start in range(0, self.length, _PART):
            yield from self.read(np.arange(start, min(start + _PART, self.length)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Column | tuple) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]


def take(values: Sequence[T], places: Sequence[int] | NDArray[np.int64]) -> Sequence[T]:
    """Return the values at some places: of a column a column, else a tuple.

    Args:
        values: A column, or any other sequence.
        places: Indices, in any order.
    """
    if not isinstance(values, Column):
        return tuple(values[place] for place in places)
    indices = np.asarray(places, dtype=np.int64)
    return Column(len(indices), lambda numbers: values.read(indices[numbers]))


def join(first: Sequence[T], second: Sequence[T]) -> Sequence[T]:
    """Return the values of one sequence, followed by those of another.

    Args:
        first: A column, or any other sequence.
        second: As well. If neither is a column, the result is a tuple.
    """
    if not isinstance(first, Column) and not isinstance(second, Column):
        return (*first, *second)
    border = len(first)

    def read(numbers: NDArray[np.int64]) -> Sequence[T]:
        in_first = numbers < border
        return _interleave(
            in_first, take(first, numbers[in_first]), take(second, numbers[~in_first] - border)
        )

    return Column(border + len(second), read)


def string_array(values: Sequence[str]) -> NDArray[np.bytes_]:
    """Return short ASCII texts, such as row ids, in as many bytes as they have characters.

    Args:
        values: A column, or any other sequence.
    """
    parts = [np.asarray(values[i : i + _PART], "S") for i in range(0, len(values), _PART)]
    return np.concatenate(parts) if parts else np.zeros(0, "S1")


def string_column(array: NDArray[np.bytes_]) -> Column[str]:
    """Return the texts of an array of bytes, see `string_array`."""
    return Column(len(array), lambda numbers: array[numbers].astype(str).tolist())


def _interleave(
    in_first: NDArray[np.bool_], first: Sequence[Any], second: Sequence[Any]
) -> Sequence[Any]:
    if not len(second):
        return tuple(first)
    if not len(first):
        return tuple(second)
    sources = {True: iter(first), False: iter(second)}
    return tuple(next(sources[flag]) for flag in in_first.tolist())
