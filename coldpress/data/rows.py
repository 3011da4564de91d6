"""Rows of a source: their columns as texts and labels, and what to call a row in a message."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from coldpress.errors import InputError
from coldpress.schema.quoting import quote_names


@dataclass(frozen=True)
class Rows:
    """Columns of a source, and what to call each row in a message.

    Attributes:
        place: The recipe's field and the source, as in `benchmark.source.train: train.csv`.
        unit: What the numbers count: `line` or `row`.
        numbers: One 1-based number a row.
        columns: One value a row, by column name.
    """

    place: str
    unit: str
    numbers: Sequence[int]
    columns: Mapping[str, Sequence[Any]]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.numbers)

    def at(self, row: int) -> str:
        """Name a row for a message.

        Args:
            row: Counted from 0.

        Returns:
            Field, source and line or row number.
        """
        return f"{self.place} {self.unit} {self.numbers[row]}"


def extract_texts(rows: Rows, column: str) -> tuple[str, ...]:
    """Return a column of texts.

    Args:
        rows: What was read.
        column: Its name.

    Returns:
        One text a row, none of them blank.

    Raises:
        InputError: A value is null, blank or no string.
    """
    return tuple(
        _require_text(value, rows, i, column) for i, value in enumerate(rows.columns[column])
    )


def extract_labels(rows: Rows, column: str) -> tuple[str, ...]:
    """Return a column of labels as names.

    A whole number, a date, true or false becomes the text that a .csv file would have for it: 1
    and "1" are one label, whatever the file's format.

    Args:
        rows: What was read.
        column: Its name.

    Returns:
        One name a row, none of them blank.

    Raises:
        InputError: A value is null, blank, a number with a fraction, or a list or the like.
    """
    values = [_label_text(value) for value in rows.columns[column]]
    for row, value in enumerate(values):
        if isinstance(value, float | Decimal):
            raise InputError(
                f"{rows.at(row)}: {column!r} is {value}, a number that is not whole, which names"
                " no class; write it as text if it does"
            )
    return tuple(_require_text(value, rows, i, column) for i, value in enumerate(values))


def extract_optional_texts(rows: Rows, column: str) -> tuple[str | None, ...]:
    """Return a column that may lack values: one text a row, None where it is null or blank.

    Args:
        rows: What was read.
        column: Its name; numbers and truth values are written out.

    Raises:
        InputError: A value is a list, a mapping or the like.
    """
    plain = [str(v) if isinstance(v, int | float) else v for v in rows.columns[column]]
    known = [value is not None and (not isinstance(value, str) or value.strip()) for value in plain]
    return tuple(
        _require_text(v, rows, i, column) if known[i] else None for i, v in enumerate(plain)
    )


def require_columns(present: Sequence[str], wanted: Sequence[str], place: str) -> None:
    """Check that columns exist, each once.

    Args:
        present: Names in the source.
        wanted: Names in the recipe.
        place: What to blame.

    Raises:
        InputError: A wanted column is missing or ambiguous.
    """
    for name in wanted:
        if present.count(name) != 1:
            count = "no" if name not in present else "more than one"
            has = quote_names(list(dict.fromkeys(present)), most=20)
            user = "it" if place.startswith("evaluate.") else "benchmark.columns"
            hint = _column_hint(present, name)
            raise InputError(f"{place}: {count} column {name!r}; {user} may use: {has}{hint}")


def _column_hint(present: Sequence[str], name: str) -> str:
    """Say what a header has in place of a name that is not quite in it."""
    if name in present:
        return ""
    near = [other for other in present if other.strip().lower() == name.strip().lower()]
    if near:
        return f"; {near[0]!r} differs in spaces or capitals"
    separators = {";": "semicolons", "\t": "tabs", "|": "bars"}
    for separator, word in separators.items():
        if len(present) == 1 and separator in present[0]:
            return f"; the file seems to be separated by {word}: separate it by commas"
    return ""


def _label_text(value: object) -> object:
    """Write a label as text; what is no label is left as it is, to be refused."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | Decimal):
        # With a fraction it is measured, and names no class.
        return str(value) if math.isfinite(value) and value == int(value) else value
    return str(value) if isinstance(value, int | date) else value


def _require_text(value: object, rows: Rows, row: int, column: str) -> str:
    if value is None:
        raise InputError(f"{rows.at(row)}: {column!r} is null")
    if not isinstance(value, str):
        raise InputError(f"{rows.at(row)}: {column!r} is {type(value).__name__}, not a string")
    if not value.strip():
        raise InputError(f"{rows.at(row)}: {column!r} is blank")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{rows.at(row)}: {column!r} holds half a surrogate pair") from error
    return value
