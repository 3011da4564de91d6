"""Slices of the test rows that a recipe declares: by column, length or pattern."""

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
    """A subset of the rows of a split.

    The split has one row per sample (`TaskKind.split_samples`): row numbers are sample numbers.

    Attributes:
        kind: How the slice was defined.
        name: Name for reports.
        rows: Row numbers, ascending.
    """

    kind: GroupKind
    name: str
    rows: tuple[int, ...]


class ColumnSlices(Section):
    """One slice for each value of a column; rows without a value are in no slice."""

    method: Literal["column"]
    column: Annotated[str, Field(min_length=1, description="Column of the test rows.")]
    min_rows: Annotated[
        int, Field(ge=1, le=1_000_000, description="Values with fewer rows are skipped.")
    ] = 20

    def select(self, split: Split) -> list[Slice]:
        """Group rows by value; the split must contain the column.

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
    if any(low >= high for low, high in pairwise(edges)):
        raise ValueError(f"edges must be in ascending order, not {edges}")
    return edges


class LengthSlices(Section):
    """Ranges of text length in words; for pairs, of both texts together."""

    method: Literal["length"]
    edges: Annotated[
        list[Annotated[int, Field(ge=1, le=100_000)]],
        AfterValidator(_check_ascending),
        Field(
            min_length=1,
            max_length=20,
            description="Largest number of words of each range but the last.",
        ),
    ]

    def select(self, split: Split) -> list[Slice]:
        """Group rows by their number of words, separated by white space.

        Returns:
            The non-empty ranges, shortest first.
        """
        counts = count_words(split)
        bands = (
            Slice("length", band.name, tuple(row for row, n in enumerate(counts) if n in band))
            for band in length_bands(self.edges)
        )
        return [band for band in bands if band.rows]


def _check_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"invalid regular expression: {error}") from error
    return pattern


class PatternSlice(Section):
    """Rows whose text matches a regular expression; of a pair, the first text."""

    method: Literal["pattern"]
    name: Annotated[str, Field(min_length=1, max_length=100, description="Name of the slice.")]
    pattern: Annotated[
        str,
        AfterValidator(_check_pattern),
        Field(
            min_length=1, description="Python regular expression, searched anywhere in the text."
        ),
    ]

    def select(self, split: Split) -> list[Slice]:
        """Search the first text of every row.

        Returns:
            One slice, or an empty list if no text matches.
        """
        pattern = re.compile(self.pattern)
        rows = tuple(row for row, text in enumerate(split.texts) if pattern.search(text))
        return [Slice("pattern", self.name, rows)] if rows else []


DeclaredSlices = Annotated[
    ColumnSlices | LengthSlices | PatternSlice, Field(discriminator="method")
]


def required_columns(declared: Sequence[DeclaredSlices]) -> tuple[tuple[str, str], ...]:
    """Return the columns of the test rows that slices need, besides texts and labels.

    Args:
        declared: The recipe's `evaluate.slices`.

    Returns:
        Pairs of recipe field and column name.
    """
    return tuple(
        (f"evaluate.slices.{index}.column", section.column)
        for index, section in enumerate(declared)
        if isinstance(section, ColumnSlices)
    )


def check_slices(declared: Sequence[DeclaredSlices], test: Split) -> None:
    """Refuse a slice without rows, which would silently never be evaluated.

    Args:
        declared: The recipe's `evaluate.slices`.
        test: The test split, with one row per sample.

    Raises:
        InputError: A slice is empty; the message names its field.
    """
    for index, section in enumerate(declared):
        if not section.select(test):
            raise InputError(f"evaluate.slices.{index}.{_empty_slice_message(section)}")


def count_words(split: Split) -> list[int]:
    """Count the words of every row, separated by white space; for pairs, of both texts."""
    seconds = split.pairs or ("",) * len(split)
    texts = zip(split.texts, seconds, strict=True)
    return [len(first.split()) + len(second.split()) for first, second in texts]


@dataclass(frozen=True)
class LengthBand:
    """A range of text length: at least `low` words, at most `high` unless that is None."""

    low: int
    high: int | None

    def __contains__(self, count: int) -> bool:
        """Whether a text with `count` words is in the range."""
        return self.low <= count and (self.high is None or count <= self.high)

    @property
    def name(self) -> str:
        """Name for reports."""
        if self.high is None:
            return f"{self.low} words and more"
        if self.low == self.high:
            return f"{self.low} words"
        return f"{self.low} to {self.high} words" if self.low else f"up to {self.high} words"


def length_bands(edges: Sequence[int]) -> list[LengthBand]:
    """Divide all lengths into ranges.

    Args:
        edges: Largest number of words of every range but the last, ascending.

    Returns:
        One range more than there are edges, shortest first.
    """
    lows = (0, *(edge + 1 for edge in edges))
    return [LengthBand(low, high) for low, high in zip(lows, (*edges, None), strict=True)]


def _empty_slice_message(section: DeclaredSlices) -> str:
    if isinstance(section, ColumnSlices):
        return f"min_rows: no value of {section.column!r} has {section.min_rows} test rows"
    return f"{section.method}: matches no test row"
