"""Readers of .jsonl, .csv and .parquet files, with errors that name the line or row."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.data.rows import Rows, require_columns
from coldpress.errors import InputError
from coldpress.schema.text_files import detect_encoding, reject_lfs_pointer

if TYPE_CHECKING:
    from pyarrow import ChunkedArray


@dataclass(frozen=True)
class _Columns:
    """Columns to read: `required` ones must exist, `optional` ones may be missing."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.required, *self.optional)


_Reader = Callable[[Path, _Columns, str], Rows]


def read_file(path: Path, columns: Sequence[str], field: str, optional: Sequence[str] = ()) -> Rows:
    """Read some columns of a file.

    Args:
        path: A `.jsonl`, `.csv` or `.parquet` file; the case of the suffix does not matter.
        columns: Names of the columns.
        field: The recipe's field that contains the path.
        optional: Columns that may be missing; their values are then None.

    Returns:
        At least one row, with all of these columns.

    Raises:
        InputError: The file, a column or a row is invalid.
    """
    location = f"{field}: {path}"
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise InputError(f"{location} is not a .jsonl, .csv or .parquet file")
    return _read_checked(
        _READERS[suffix], path, _Columns(tuple(columns), tuple(optional)), location
    )


def read_tsv(path: Path, columns: Sequence[str], field: str) -> Rows:
    """Read some columns of a table separated by tabs, with a header.

    Args:
        path: A `.tsv` file; the case of the suffix does not matter.
        columns: Names of the columns.
        field: The recipe's field that contains the path.

    Returns:
        At least one row, with all of these columns as text.

    Raises:
        InputError: The file, a column or a row is invalid.
    """
    location = f"{field}: {path}"
    if path.suffix.lower() != ".tsv":
        raise InputError(f"{location} is not a .tsv file")
    return _read_checked(_read_tsv, path, _Columns(tuple(columns)), location)


def _read_checked(reader: _Reader, path: Path, columns: _Columns, location: str) -> Rows:
    if not path.is_file():
        raise InputError(f"{location}: no such file")
    try:
        with path.open("rb") as file:
            reject_lfs_pointer(file.read(200), location)
        rows = reader(path, columns, location)
    except OSError as error:
        raise InputError(f"{location} cannot be read: {_first_line(error)}") from error
    if not len(rows):
        raise InputError(f"{location} has no rows")
    return rows


def _read_jsonl(path: Path, columns: _Columns, location: str) -> Rows:
    numbers: list[int] = []
    values: dict[str, list[Any]] = {name: [] for name in columns.names}
    # Not splitlines(): it would also split at U+2028, which JSON strings may contain.
    for number, line in enumerate(_decode(path, location).split("\n"), start=1):
        if not line.strip():
            continue
        row = _parse_object(line, f"{location} line {number}")
        require_columns(list(row), columns.required, f"{location} line {number}")
        numbers.append(number)
        for name in columns.names:
            values[name].append(row.get(name))
    return Rows(location, "line", numbers, values)


def _parse_object(line: str, location: str) -> dict[str, Any]:
    try:
        row = json.loads(line, object_pairs_hook=_reject_duplicate_keys)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{location} is not JSON: {_first_line(error)}") from error
    if not isinstance(row, dict):
        raise InputError(f"{location} is {type(row).__name__}, not an object")
    return row


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's members; with a duplicate key it is unclear which value is meant."""
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        duplicate = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"duplicate key {duplicate!r}")
    return row


def _read_csv(path: Path, columns: _Columns, location: str) -> Rows:
    return _read_table(path, columns, location, ",")


def _read_tsv(path: Path, columns: _Columns, location: str) -> Rows:
    return _read_table(path, columns, location, "\t")


def _read_table(path: Path, columns: _Columns, location: str, separator: str) -> Rows:
    numbers, header, records = _parse_csv(_decode(path, location), location, separator)
    if header:
        require_columns(header, columns.required, f"{location} line 1")
    for number, record in zip(numbers, records, strict=True):
        if len(record) != len(header):
            raise InputError(
                f"{location} line {number}: {len(record)} fields, but the header has {len(header)}"
            )
    indices = {name: header.index(name) for name in columns.names if name in header}
    values: dict[str, list[Any]] = {name: [None] * len(records) for name in columns.names}
    values |= {name: [record[i] for record in records] for name, i in indices.items()}
    return Rows(location, "line", numbers, values)


def _parse_csv(
    text: str, location: str, separator: str
) -> tuple[list[int], list[str], list[list[str]]]:
    """Return the line number of each record, the header, and the records."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    numbers: list[int] = []
    records: list[list[str]] = []
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
        raise InputError(f"{location} line {number}: {error}") from error
    return numbers, header, records


def _read_parquet(path: Path, columns: _Columns, location: str) -> Rows:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            available = file.schema_arrow.names
            require_columns(available, columns.required, location)
            present = [name for name in columns.names if name in available]
            table = file.read(columns=present)
    except ArrowException as error:
        raise InputError(f"{location} is not a Parquet file: {_first_line(error)}") from error
    values: dict[str, list[Any]] = {name: [None] * table.num_rows for name in columns.names}
    values |= {name: _column_values(table.column(name), name, location) for name in present}
    return Rows(location, "row", range(1, table.num_rows + 1), values)


def _column_values(column: ChunkedArray, name: str, location: str) -> list[Any]:
    values = []
    for number, scalar in enumerate(column, start=1):
        try:
            values.append(scalar.as_py())
        except UnicodeDecodeError as error:
            raise InputError(f"{location} row {number}: {name!r} is not UTF-8") from error
    return values


_READERS: dict[str, _Reader] = {
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}


def _decode(path: Path, location: str) -> str:
    data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    encoding = detect_encoding(data)
    if encoding is not None:
        raise InputError(f"{location} is {encoding}; save it as UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{location} line {line} is not UTF-8") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
