"""Read .jsonl, .csv and .parquet files, and say where in them something is wrong."""

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


def read_file(path: Path, wanted: Sequence[str], field: str) -> Rows:
    """Read some columns of a file.

    Args:
        path: A `.jsonl`, `.csv` or `.parquet` file; capitals do not count.
        wanted: Names of the columns.
        field: The recipe's field that names the file.

    Returns:
        At least one row, with every wanted column.

    Raises:
        InputError: The file, a column or a row is not what it should be.
    """
    readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
    place, suffix = f"{field}: {path}", path.suffix.lower()
    if suffix not in readers:
        raise InputError(f"{place} is not a .jsonl, .csv or .parquet file")
    if not path.is_file():
        raise InputError(f"{place}: no such file")
    try:
        with path.open("rb") as file:
            reject_lfs_pointer(file.read(200), place)
        rows = readers[suffix](path, wanted, place)
    except OSError as error:
        raise InputError(f"{place} cannot be read: {_first_line(error)}") from error
    if not len(rows):
        raise InputError(f"{place} has no rows")
    return rows


def _read_jsonl(path: Path, wanted: Sequence[str], place: str) -> Rows:
    numbers: list[int] = []
    columns: dict[str, list[Any]] = {name: [] for name in wanted}
    # Not splitlines(): it would also split at U+2028, which JSON strings may hold.
    for number, line in enumerate(_decode(path, place).split("\n"), start=1):
        if not line.strip():
            continue
        row = _parse_object(line, f"{place} line {number}")
        require_columns(list(row), wanted, f"{place} line {number}")
        numbers.append(number)
        for name in wanted:
            columns[name].append(row[name])
    return Rows(place, "line", numbers, columns)


def _parse_object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line, object_pairs_hook=_reject_duplicate_keys)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON: {_first_line(error)}") from error
    if not isinstance(row, dict):
        raise InputError(f"{where} is {type(row).__name__}, not an object")
    return row


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: nobody could say which value counts."""
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {twice!r} stands more than once")
    return row


def _read_csv(path: Path, wanted: Sequence[str], place: str) -> Rows:
    reader = csv.reader(io.StringIO(_decode(path, place), newline=""), strict=True)
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
        require_columns(header, wanted, f"{place} line 1")
    for number, record in zip(numbers, records, strict=True):
        if len(record) != len(header):
            raise InputError(f"{place} line {number}: {len(record)} fields, not {len(header)}")
    at = {name: header.index(name) for name in wanted if header}
    return Rows(place, "line", numbers, {n: [r[i] for r in records] for n, i in at.items()})


def _read_parquet(path: Path, wanted: Sequence[str], place: str) -> Rows:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            require_columns(file.schema_arrow.names, wanted, place)
            table = file.read(columns=list(wanted))
    except ArrowException as error:
        raise InputError(f"{place} is not a Parquet file: {_first_line(error)}") from error
    columns = {name: _column_values(table.column(name), name, place) for name in wanted}
    return Rows(place, "row", range(1, table.num_rows + 1), columns)


def _column_values(column: ChunkedArray, name: str, place: str) -> list[Any]:
    values = []
    for number, scalar in enumerate(column, start=1):
        try:
            values.append(scalar.as_py())
        except UnicodeDecodeError as error:
            raise InputError(f"{place} row {number}: {name!r} is not UTF-8") from error
    return values


def _decode(path: Path, place: str) -> str:
    data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    encoding = detect_encoding(data)
    if encoding is not None:
        raise InputError(f"{place} is {encoding}; save it as UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{place} line {line} is not UTF-8") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
