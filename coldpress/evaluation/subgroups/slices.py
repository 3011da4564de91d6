"""Slices of the test rows that a recipe declares: by a column, by length, by a pattern."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from coldpress.errors import InputError
from coldpress.evaluation.scorecard.scorecard import GroupKind
from coldpress.schema.section import Section

if TYPE_CHECKING:
    from coldpress.data.splits import Split


@dataclass(frozen=True)
class Slice:
    """Some rows of a split.

    Attributes:
        kind: What makes them belong together.
        name: What a reader calls them.
        rows: Row numbers, ascending; at least one.
    """

    kind: GroupKind
    name: str
    rows: tuple[int, ...]


class ColumnSlices(Section):
    """One slice for each value of a column of the test rows; a row without a value is in none."""

    method: Literal["column"]
    column: Annotated[str, Field(min_length=1, description="Column of the test rows.")]
    min_rows: Annotated[
        int, Field(ge=1, le=1_000_000, description="Values with fewer rows are no slice.")
    ] = 20

    def select(self, split: Split) -> list[Slice]:
        """Gather rows by value.

        Args:
            split: With this column among its columns.

        Returns:
            Slices in the order of their values.
        """
        rows: defaultdict[str, list[int]] = defaultdict(list)
        for row, value in enumerate(split.columns[self.column]):
            if value is not None:
                rows[value].append(row)
        return [
            Slice("column", f"{self.column}: {value}", tuple(members))
            for value, members in sorted(rows.items())
            if len(members) >= self.min_rows
        ]


def _check_ascending(edges: list[int]) -> list[int]:
    if any(edge >= following for edge, following in pairwise(edges)):
        raise ValueError(f"the edges must ascend, not {edges}")
    return edges


class LengthSlices(Section):
    """Bands of words; of a pair, the words of both texts."""

    method: Literal["length"]
    edges: Annotated[
        list[Annotated[int, Field(ge=1, le=100_000)]],
        AfterValidator(_check_ascending),
        Field(min_length=1, max_length=20, description="Most words of each band but the last."),
    ]

    def select(self, split: Split) -> list[Slice]:
        """Gather rows by how many words they have.

        Args:
            split: Texts are cut into words at white space.

        Returns:
            The bands that have rows, shortest first.
        """
        counts = count_words(split)
        found = (
            Slice("length", band.name, tuple(row for row, n in enumerate(counts) if n in band))
            for band in length_bands(self.edges)
        )
        return [one for one in found if one.rows]


def _check_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"no regular expression: {error}") from error
    return pattern


class PatternSlice(Section):
    """The rows in whose text, the first of a pair, a regular expression is found."""

    method: Literal["pattern"]
    name: Annotated[str, Field(min_length=1, max_length=100, description="What to call them.")]
    pattern: Annotated[
        str,
        AfterValidator(_check_pattern),
        Field(min_length=1, description="Python's syntax; found anywhere in the text."),
    ]

    def select(self, split: Split) -> list[Slice]:
        """Search every text.

        Args:
            split: Second texts are not searched.

        Returns:
            One slice, or none where nothing matches.
        """
        found = re.compile(self.pattern)
        rows = tuple(row for row, text in enumerate(split.texts) if found.search(text))
        return [Slice("pattern", self.name, rows)] if rows else []


DeclaredSlices = Annotated[
    ColumnSlices | LengthSlices | PatternSlice, Field(discriminator="method")
]


def required_columns(declared: Sequence[DeclaredSlices]) -> tuple[tuple[str, str], ...]:
    """Say which columns of the test rows are needed beside texts and labels.

    Args:
        declared: The recipe's `evaluate.slices`.

    Returns:
        Pairs of the recipe's field and the column that it names.
    """
    return tuple(
        (f"evaluate.slices.{place}.column", one.column)
        for place, one in enumerate(declared)
        if isinstance(one, ColumnSlices)
    )


def check_slices(declared: Sequence[DeclaredSlices], test: Split) -> None:
    """Refuse what selects nothing: it would be promised and never be judged.

    Args:
        declared: The recipe's `evaluate.slices`.
        test: The rows that they are to select from.

    Raises:
        InputError: Names the first that is empty.
    """
    for place, one in enumerate(declared):
        if not one.select(test):
            raise InputError(f"evaluate.slices.{place}.{_empty_slice_message(one)}")


def count_words(split: Split) -> list[int]:
    """Count the words of every row.

    Args:
        split: Texts are cut at white space.

    Returns:
        One number a row; of a pair, that of both texts.
    """
    seconds = split.pairs or ("",) * len(split)
    texts = zip(split.texts, seconds, strict=True)
    return [len(first.split()) + len(second.split()) for first, second in texts]


@dataclass(frozen=True)
class LengthBand:
    """A range of words: at least `low`, and at most `high` unless that is None."""

    low: int
    high: int | None

    def __contains__(self, count: int) -> bool:
        """Whether a text of so many words is in it."""
        return self.low <= count and (self.high is None or count <= self.high)

    @property
    def name(self) -> str:
        """What a reader calls it."""
        if self.high is None:
            return f"{self.low} words and more"
        if self.low == self.high:
            return f"{self.low} words"
        return f"{self.low} to {self.high} words" if self.low else f"up to {self.high} words"


def length_bands(edges: Sequence[int]) -> list[LengthBand]:
    """Cut all lengths into bands.

    Args:
        edges: The most words of every band but the last, ascending.

    Returns:
        One band more than there are edges, shortest first.
    """
    lows = (0, *(edge + 1 for edge in edges))
    return [LengthBand(low, high) for low, high in zip(lows, (*edges, None), strict=True)]


def _empty_slice_message(one: DeclaredSlices) -> str:
    if isinstance(one, ColumnSlices):
        return f"min_rows: no value of {one.column!r} is in {one.min_rows} test rows"
    return f"{one.method}: found in no test row"
