"""Readers of .jsonl, .csv and .parquet files, with errors that name the line or row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from coldpress.data.file_readers import READERS, FileColumns, first_line
from coldpress.data.file_readers import read_tsv as read_tsv_parts
from coldpress.data.rows import Rows
from coldpress.errors import InputError
from coldpress.schema.text_files import reject_lfs_pointer

_Reader = Callable[[Path, FileColumns, str], Iterator[Rows]]


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
    return _join(read_parts(path, columns, field, optional))


def read_parts(
    path: Path, columns: Sequence[str], field: str, optional: Sequence[str] = ()
) -> Iterator[Rows]:
    """Read a file as `read_file` does, in parts, so that memory does not grow with the file.

    Yields:
        Parts of at most `PART_ROWS` rows, numbered as in the file.

    Raises:
        InputError: The file, a column or a row is invalid; parts before it have been yielded.
    """
    location = f"{field}: {path}"
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise InputError(f"{location} is not a .jsonl, .csv or .parquet file")
    names = FileColumns(tuple(columns), tuple(optional))
    yield from _read_checked(READERS[suffix], path, names, location)


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
    return _join(_read_checked(read_tsv_parts, path, FileColumns(tuple(columns)), location))


def _read_checked(
    reader: _Reader, path: Path, columns: FileColumns, location: str
) -> Iterator[Rows]:
    if not path.is_file():
        raise InputError(f"{location}: no such file")
    count = 0
    try:
        with path.open("rb") as file:
            reject_lfs_pointer(file.read(200), location)
        for part in reader(path, columns, location):
            count += len(part)
            yield part
    except OSError as error:
        raise InputError(f"{location} cannot be read: {first_line(error)}") from error
    if not count:
        raise InputError(f"{location} has no rows")


def _join(parts: Iterator[Rows]) -> Rows:
    """Join the parts of a file, of which there is at least one."""
    read = list(parts)
    if len(read) == 1:
        return read[0]
    numbers = list(chain.from_iterable(part.numbers for part in read))
    columns: dict[str, list[Any]] = {
        name: list(chain.from_iterable(part.columns[name] for part in read))
        for name in read[0].columns
    }
    return Rows(read[0].location, read[0].unit, numbers, columns)
