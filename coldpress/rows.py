"""Reads .jsonl, .csv and .parquet files, and says where in them something is wrong."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.errors import InputError

if TYPE_CHECKING:
    from pyarrow import ChunkedArray


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


def read(path: Path, wanted: Sequence[str], field: str) -> Rows:
    """Read some columns of a file.

    Args:
        path: A `.jsonl`, `.csv` or `.parquet` file.
        wanted: Names of the columns.
        field: The recipe's field that names the file.

    Returns:
        At least one row, with every wanted column.

    Raises:
        InputError: The file, a column or a row is not what it should be.
    """
    readers = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}
    place = f"{field}: {path}"
    if path.suffix not in readers:
        raise InputError(f"{place} is not a .jsonl, .csv or .parquet file")
    if not path.is_file():
        raise InputError(f"{place}: no such file")
    try:
        rows = readers[path.suffix](path, wanted, place)
    except OSError as error:
        raise InputError(f"{place} cannot be read: {_first_line(error)}") from error
    if not len(rows):
        raise InputError(f"{place} has no rows")
    return rows


def texts(rows: Rows, column: str) -> tuple[str, ...]:
    """Return a column of texts.

    Args:
        rows: What was read.
        column: Its name.

    Returns:
        One text a row, none of them blank.

    Raises:
        InputError: A value is null, blank or no string.
    """
    return tuple(_text(value, rows, i, column) for i, value in enumerate(rows.columns[column]))


def labels(rows: Rows, column: str) -> tuple[str, ...]:
    """Return a column of labels as names.

    Args:
        rows: What was read.
        column: Its name; an integer n becomes the name `"n"`.

    Returns:
        One name a row, none of them blank.

    Raises:
        InputError: A value is null, blank, or neither a string nor an integer.
    """
    # bool is an int to isinstance, and no label that one would want to guess at.
    return tuple(
        str(value) if type(value) is int else _text(value, rows, i, column)
        for i, value in enumerate(rows.columns[column])
    )


def optional_texts(rows: Rows, column: str) -> tuple[str | None, ...]:
    """Return a column that may lack values: one text a row, None where it is null or blank.

    Args:
        rows: What was read.
        column: Its name; numbers and truth values are written out.

    Raises:
        InputError: A value is a list, a mapping or the like.
    """
    plain = [str(v) if isinstance(v, int | float) else v for v in rows.columns[column]]
    known = [value is not None and (not isinstance(value, str) or value.strip()) for value in plain]
    return tuple(_text(v, rows, i, column) if known[i] else None for i, v in enumerate(plain))


def require(present: Sequence[str], wanted: Sequence[str], place: str) -> None:
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
            has = ", ".join(dict.fromkeys(present))
            user = "it" if place.startswith("evaluate.") else "benchmark.columns"
            raise InputError(f"{place}: {count} column {name!r}; {user} may use: {has}")


def _text(value: object, rows: Rows, row: int, column: str) -> str:
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


def _jsonl(path: Path, wanted: Sequence[str], place: str) -> Rows:
    numbers: list[int] = []
    columns: dict[str, list[Any]] = {name: [] for name in wanted}
    # Not splitlines(): it would also split at U+2028, which JSON strings may hold.
    for number, line in enumerate(_decoded(path, place).split("\n"), start=1):
        if not line.strip():
            continue
        row = _object(line, f"{place} line {number}")
        require(list(row), wanted, f"{place} line {number}")
        numbers.append(number)
        for name in wanted:
            columns[name].append(row[name])
    return Rows(place, "line", numbers, columns)


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON: {_first_line(error)}") from error
    if not isinstance(row, dict):
        raise InputError(f"{where} is {type(row).__name__}, not an object")
    return row


def _csv(path: Path, wanted: Sequence[str], place: str) -> Rows:
    reader = csv.reader(io.StringIO(_decoded(path, place), newline=""), strict=True)
    numbers: list[int] = []
    records: list[list[str]] = []
    header: list[str] = []
    number = 1
    try:
        header = next(reader, [])
        number = reader.line_num + 1
        for record in reader:
            if record:
                numbers.append(number)
                records.append(record)
            number = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{place} line {number}: {error}") from error
    if header:
        require(header, wanted, f"{place} line 1")
    for number, record in zip(numbers, records, strict=True):
        if len(record) != len(header):
            raise InputError(f"{place} line {number}: {len(record)} fields, not {len(header)}")
    at = {name: header.index(name) for name in wanted if header}
    return Rows(place, "line", numbers, {n: [r[i] for r in records] for n, i in at.items()})


def _parquet(path: Path, wanted: Sequence[str], place: str) -> Rows:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            require(file.schema_arrow.names, wanted, place)
            table = file.read(columns=list(wanted))
    except ArrowException as error:
        raise InputError(f"{place} is not a Parquet file: {_first_line(error)}") from error
    columns = {name: _values(table.column(name), name, place) for name in wanted}
    return Rows(place, "row", range(1, table.num_rows + 1), columns)


def _values(column: ChunkedArray, name: str, place: str) -> list[Any]:
    values = []
    for number, scalar in enumerate(column, start=1):
        try:
            values.append(scalar.as_py())
        except UnicodeDecodeError as error:
            raise InputError(f"{place} row {number}: {name!r} is not UTF-8") from error
    return values


def _decoded(path: Path, place: str) -> str:
    data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{place} line {line} is not UTF-8") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
