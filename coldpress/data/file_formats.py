"""Readers of .jsonl, .csv and .parquet files, with errors that name the line or row."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.data.rows import Rows, require_columns
from coldpress.errors import InputError
from coldpress.schema.text_files import detect_encoding, reject_lfs_pointer

if TYPE_CHECKING:
    from pyarrow import ChunkedArray


def read_file(path: Path, columns: Sequence[str], field: str) -> Rows:
    """Read some columns of a file.

    Args:
        path: A `.jsonl`, `.csv` or `.parquet` file; the case of the suffix does not matter.
        columns: Names of the columns.
        field: The recipe's field that contains the path.

    Returns:
        At least one row, with all of these columns.

    Raises:
        InputError: The file, a column or a row is invalid.
    """
    readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
    location = f"{field}: {path}"
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise InputError(f"{location} is not a .jsonl, .csv or .parquet file")
    if not path.is_file():
        raise InputError(f"{location}: no such file")
    try:
        with path.open("rb") as file:
            reject_lfs_pointer(file.read(200), location)
        rows = readers[suffix](path, columns, location)
    except OSError as error:
        raise InputError(f"{location} cannot be read: {_first_line(error)}") from error
    if not len(rows):
        raise InputError(f"{location} has no rows")
    return rows


def _read_jsonl(path: Path, columns: Sequence[str], location: str) -> Rows:
    numbers: list[int] = []
    values: dict[str, list[Any]] = {name: [] for name in columns}
    # Not splitlines(): it would also split at U+2028, which JSON strings may contain.
    for number, line in enumerate(_decode(path, location).split("\n"), start=1):
        if not line.strip():
            continue
        row = _parse_object(line, f"{location} line {number}")
        require_columns(list(row), columns, f"{location} line {number}")
        numbers.append(number)
        for name in columns:
            values[name].append(row[name])
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


def _read_csv(path: Path, columns: Sequence[str], location: str) -> Rows:
    numbers, header, records = _parse_csv(_decode(path, location), location)
    if header:
        require_columns(header, columns, f"{location} line 1")
    for number, record in zip(numbers, records, strict=True):
        if len(record) != len(header):
            raise InputError(
                f"{location} line {number}: {len(record)} fields, but the header has {len(header)}"
            )
    indices = {name: header.index(name) for name in columns if header}
    values = {name: [record[i] for record in records] for name, i in indices.items()}
    return Rows(location, "line", numbers, values)


def _parse_csv(text: str, location: str) -> tuple[list[int], list[str], list[list[str]]]:
    """Return the line number of each record, the header, and the records."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
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


def _read_parquet(path: Path, columns: Sequence[str], location: str) -> Rows:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            require_columns(file.schema_arrow.names, columns, location)
            table = file.read(columns=list(columns))
    except ArrowException as error:
        raise InputError(f"{location} is not a Parquet file: {_first_line(error)}") from error
    values = {name: _column_values(table.column(name), name, location) for name in columns}
    return Rows(location, "row", range(1, table.num_rows + 1), values)


def _column_values(column: ChunkedArray, name: str, location: str) -> list[Any]:
    values = []
    for number, scalar in enumerate(column, start=1):
        try:
            values.append(scalar.as_py())
        except UnicodeDecodeError as error:
            raise InputError(f"{location} row {number}: {name!r} is not UTF-8") from error
    return values


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
