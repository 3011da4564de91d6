"""Readers of .jsonl, .csv, .tsv and .parquet files in parts, so that memory does not grow."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.data.rows import Rows, require_columns
from coldpress.errors import InputError
from coldpress.schema.text_files import detect_encoding

if TYPE_CHECKING:
    from pyarrow import Array, RecordBatch

PART_ROWS = 8192
"""Most rows of a part."""


@dataclass(frozen=True)
class FileColumns:
    """Columns to read: `required` ones must exist, `optional` ones may be missing."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All columns."""
        return (*self.required, *self.optional)


@dataclass
class _Part:
    """Rows that are collected."""

    location: str
    columns: FileColumns
    numbers: list[int] = field(default_factory=list)
    values: dict[str, list[Any]] = field(default_factory=dict)

    def append(self, number: int, row: dict[str, Any]) -> None:
        self.numbers.append(number)
        for name in self.columns.names:
            self.values.setdefault(name, []).append(row.get(name))

    @property
    def is_full(self) -> bool:
        return len(self.numbers) == PART_ROWS

    def rows(self) -> Rows:
        return Rows(self.location, "line", self.numbers, self.values)


def read_jsonl(path: Path, columns: FileColumns, location: str) -> Iterator[Rows]:
    """Yield the rows of a file with a JSON object in each line.

    Args:
        path: The file.
        columns: Columns to read.
        location: Prefix of error messages.

    Raises:
        InputError: A line is invalid.
    """
    part = _Part(location, columns)
    # Files in binary mode have lines that end at "\n" only: JSON strings may contain U+2028.
    with path.open("rb") as file:
        _skip_mark(file, location)
        for number, line in enumerate(file, start=1):
            text = _decode_line(line, f"{location} line {number}")
            if not text.strip():
                continue
            row = _parse_object(text, f"{location} line {number}")
            require_columns(list(row), columns.required, f"{location} line {number}")
            part.append(number, row)
            if part.is_full:
                yield part.rows()
                part = _Part(location, columns)
    if part.numbers:
        yield part.rows()


def read_csv(path: Path, columns: FileColumns, location: str) -> Iterator[Rows]:
    """Yield the rows of a table separated by commas; see `read_jsonl`."""
    yield from _read_table(path, columns, location, ",")


def read_tsv(path: Path, columns: FileColumns, location: str) -> Iterator[Rows]:
    """Yield the rows of a table separated by tabs; see `read_jsonl`."""
    yield from _read_table(path, columns, location, "\t")


def _read_table(path: Path, columns: FileColumns, location: str, separator: str) -> Iterator[Rows]:
    part = _Part(location, columns)
    records = _parse_table(path, location, separator)
    _, header = next(records, (1, []))
    if header:
        require_columns(header, columns.required, f"{location} line 1")
    for number, record in records:
        if len(record) != len(header):
            raise InputError(
                f"{location} line {number}: {len(record)} fields, but the header has {len(header)}"
            )
        part.append(number, dict(zip(header, record, strict=True)))
        if part.is_full:
            yield part.rows()
            part = _Part(location, columns)
    if part.numbers:
        yield part.rows()


def _parse_table(path: Path, location: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the fields of each record that is not empty, header first."""
    with path.open("rb") as binary:
        start = _skip_mark(binary, location)
    number = 1
    with path.open(encoding="utf-8", newline="") as file:
        file.seek(start)
        reader = csv.reader(file, delimiter=separator, strict=True)
        try:
            for record in reader:
                if record or number == 1:
                    yield number, record
                number = reader.line_num + 1
        except csv.Error as error:
            raise InputError(f"{location} line {number}: {error}") from error
        except UnicodeDecodeError as error:
            line = _undecodable_line(path)
            raise InputError(f"{location} line {line} is not UTF-8") from error


def read_parquet(path: Path, columns: FileColumns, location: str) -> Iterator[Rows]:
    """Yield the rows of a Parquet file; see `read_jsonl`."""
    from pyarrow.parquet import ParquetFile

    with _parquet_errors(location), ParquetFile(path) as file:
        available = file.schema_arrow.names
        require_columns(available, columns.required, location)
        present = [name for name in columns.names if name in available]
        first = 1
        for batch in file.iter_batches(PART_ROWS, columns=present):
            numbers = range(first, first + batch.num_rows)
            values = {name: _column_values(batch, name, location, first) for name in present}
            missing = {name: [None] * len(numbers) for name in columns.names if name not in present}
            yield Rows(location, "row", numbers, values | missing)
            first += batch.num_rows


@contextmanager
def _parquet_errors(location: str) -> Iterator[None]:
    from pyarrow import ArrowException

    try:
        yield
    except ArrowException as error:
        raise InputError(f"{location} is not a Parquet file: {first_line(error)}") from error


def _column_values(batch: RecordBatch, name: str, location: str, first: int) -> list[Any]:
    column: Array = batch.column(name)
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        values = [
            _scalar_value(scalar, f"{location} row {number}: {name!r}")
            for number, scalar in enumerate(column, start=first)
        ]
    return values


def _scalar_value(scalar: Any, location: str) -> Any:  # noqa: ANN401
    try:
        return scalar.as_py()
    except UnicodeDecodeError as error:
        raise InputError(f"{location} is not UTF-8") from error


def _parse_object(line: str, location: str) -> dict[str, Any]:
    try:
        row = json.loads(line, object_pairs_hook=_reject_duplicate_keys)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{location} is not JSON: {first_line(error)}") from error
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


def _skip_mark(file: Any, location: str) -> int:  # noqa: ANN401 - a binary file
    """Move to the file's first character, and return its place; refuse other encodings."""
    start = file.read(8)
    length = len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0
    encoding = detect_encoding(start[length:])
    if encoding is not None:
        raise InputError(f"{location} is {encoding}; save it as UTF-8")
    file.seek(length)
    return length


def _decode_line(line: bytes, location: str) -> str:
    try:
        return line.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{location} is not UTF-8") from error


def _undecodable_line(path: Path) -> int:
    """Return the number of the first line that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    number = 1
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                decoder.decode(line)
            except UnicodeDecodeError:
                return number
    return number


def first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return str(error).partition("\n")[0]


READERS = {
    ".jsonl": read_jsonl,
    ".csv": read_csv,
    ".parquet": read_parquet,
}
