"""Several labels in a row: a list of names, or a column of 0 and 1 for each label."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from coldpress.data.rows import Rows, extract_labels
from coldpress.errors import InputError
from coldpress.schema.quoting import quote_names

_FLAGS: dict[object, int] = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, 0: 0, 1: 1}
"""Accepted values of a 0/1 column; true and false are equal to 1 and 0."""


def extract_label_lists(rows: Rows, column: str) -> tuple[tuple[str, ...], ...]:
    """Return a column of lists of labels: the labels of each row, none or more.

    In a .csv file a list is written in JSON, as in `["anger", "joy"]`.

    Raises:
        InputError: A value is not a list, or a label is not valid or occurs twice.
    """
    return tuple(
        _read_list(value, rows, row, column) for row, value in enumerate(rows.columns[column])
    )


def extract_flags(rows: Rows, columns: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Return 0 or 1 for every label of each row, from one column for each label.

    Raises:
        InputError: A value is not 0, 1, true or false.
    """
    values = [
        [_read_flag(value, rows, row, column) for row, value in enumerate(rows.columns[column])]
        for column in columns
    ]
    return tuple(zip(*values, strict=True))


def check_names_differ(names: Sequence[str], location: str) -> None:
    """Refuse label names that look the same in a table.

    Args:
        names: Distinct label names.
        location: The source, for the message.

    Raises:
        InputError: Two names differ only in spaces.
    """
    by_words: dict[str, str] = {}
    for name in names:
        similar = by_words.setdefault(" ".join(name.split()), name)
        if similar != name:
            raise InputError(f"{location}: labels {similar!r} and {name!r} differ only in spaces")


def check_labels_known(labels: Sequence[str], names: Collection[str], place: str) -> None:
    """Check that the labels of a row are labels of the training rows.

    Args:
        labels: Labels of the row.
        names: Labels of the training rows.
        place: The row, for the message.

    Raises:
        InputError: A label is unknown.
    """
    for label in labels:
        if label not in names:
            raise InputError(
                f"{place}: label {label!r} is not in the training rows; their labels are"
                f" {quote_names(list(names))}"
            )


def _read_list(value: object, rows: Rows, row: int, column: str) -> tuple[str, ...]:
    place = f"{rows.locate(row)}: {column!r}"
    if value is None or value == "":
        raise InputError(f"{place} is null or blank; write [] for a row without labels")
    items = _parse_list(value, place) if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise InputError(f"{place} is {type(items).__name__}, not a list of labels")
    numbers = [rows.numbers[row]] * len(items)
    labels = extract_labels(Rows(rows.location, rows.unit, numbers, {column: items}), column)
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(f"{place} has the label {label!r} twice")
    return labels


def _parse_list(text: str, place: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(
            f'{place} is {quote_names([text])}, not a list of labels such as ["a", "b"]'
        ) from error


def _read_flag(value: object, rows: Rows, row: int, column: str) -> int:
    key = value.strip() if isinstance(value, str) else value
    if not isinstance(key, str | int | float) or key not in _FLAGS:
        raise InputError(f"{rows.locate(row)}: {column!r} is {value!r}, not 0 or 1")
    return _FLAGS[key]
