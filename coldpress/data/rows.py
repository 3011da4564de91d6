"""Rows of a source: their columns as texts and labels, and their names in messages."""

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
    """Columns of a source, with line or row numbers for messages.

    Attributes:
        location: The recipe's field and the source, as in `benchmark.source.train: train.csv`.
        unit: Unit of the numbers: `line` or `row`.
        numbers: A 1-based number for each row.
        columns: A value for each row, by column name.
    """

    location: str
    unit: str
    numbers: Sequence[int]
    columns: Mapping[str, Sequence[Any]]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.numbers)

    def locate(self, row: int) -> str:
        """Return the field, source and line or row number of a row, for a message.

        Args:
            row: Index of the row, from 0.
        """
        return f"{self.location} {self.unit} {self.numbers[row]}"


def extract_texts(rows: Rows, column: str) -> tuple[str, ...]:
    """Return a column of texts, one non-blank text for each row.

    Raises:
        InputError: A value is null, blank or not a string.
    """
    return tuple(
        _require_text(value, rows, row, column) for row, value in enumerate(rows.columns[column])
    )


def extract_labels(rows: Rows, column: str) -> tuple[str, ...]:
    """Return a column of labels as text, one non-blank label for each row.

    Whole numbers, dates and booleans become the text that a .csv file would contain: 1 and "1" are
    the same label in every file format.

    Raises:
        InputError: A value is null, blank, a number with a fraction, or a list or mapping.
    """
    values = [_label_text(value) for value in rows.columns[column]]
    for row, value in enumerate(values):
        if isinstance(value, float | Decimal):
            raise InputError(
                f"{rows.locate(row)}: {column!r} is {value}, not a whole number; if it is the name"
                " of a class, write it as text"
            )
    return tuple(_require_text(value, rows, row, column) for row, value in enumerate(values))


def extract_optional_texts(rows: Rows, column: str) -> tuple[str | None, ...]:
    """Return a column that may lack values: a text for each row, None if it is null or blank.

    Args:
        rows: Rows of the source.
        column: Name of the column; numbers and booleans are converted to text.

    Raises:
        InputError: A value is neither text nor a number, such as a list or a mapping.
    """
    values = [str(v) if isinstance(v, int | float) else v for v in rows.columns[column]]
    return tuple(
        None if _is_missing(value) else _require_text(value, rows, row, column)
        for row, value in enumerate(values)
    )


def require_columns(available: Sequence[str], required: Sequence[str], location: str) -> None:
    """Check that each required column exists exactly once.

    Args:
        available: Column names of the source.
        required: Column names of the recipe.
        location: Prefix of error messages.

    Raises:
        InputError: A required column is missing or ambiguous.
    """
    for name in required:
        if available.count(name) != 1:
            count = "no" if name not in available else "more than one"
            choices = quote_names(list(dict.fromkeys(available)), limit=20)
            user = "it" if location.startswith("evaluate.") else "benchmark.columns"
            hint = _column_hint(available, name)
            raise InputError(
                f"{location}: {count} column {name!r}; {user} may use: {choices}{hint}"
            )


def _column_hint(available: Sequence[str], name: str) -> str:
    """Explain a missing column: a name that differs slightly, or another separator."""
    if name in available:
        return ""
    similar = [column for column in available if column.strip().lower() == name.strip().lower()]
    if similar:
        return f"; {similar[0]!r} differs in spaces or capitals"
    separators = {";": "semicolons", "\t": "tabs", "|": "bars"}
    for separator, word in separators.items():
        if len(available) == 1 and separator in available[0]:
            return f"; the file seems to be separated by {word}: separate it by commas"
    return ""


def _label_text(value: object) -> object:
    """Return a valid label as text, and any other value unchanged for the caller to refuse."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | Decimal):
        # A number with a fraction is a measurement, not the name of a class.
        return str(value) if math.isfinite(value) and value == int(value) else value
    return str(value) if isinstance(value, int | date) else value


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _require_text(value: object, rows: Rows, row: int, column: str) -> str:
    location = rows.locate(row)
    if value is None:
        raise InputError(f"{location}: {column!r} is null")
    if not isinstance(value, str):
        raise InputError(f"{location}: {column!r} is {type(value).__name__}, not a string")
    if not value.strip():
        raise InputError(f"{location}: {column!r} is blank")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{location}: {column!r} contains half a surrogate pair") from error
    return value
