"""Rows of a split in an Arrow file that is mapped into memory.

The operating system reads pages of a mapped file when they are used. They are given back after
each use, since they would otherwise count as memory of the process.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from coldpress.data.columns import Column, string_array, string_column
from coldpress.data.splits import Split, WordSpans

_PART = 8192
"""Rows of a record batch."""
_TYPES = {
    "ids": pa.string(),
    "texts": pa.large_string(),
    "pairs": pa.large_string(),
    "sources": pa.large_string(),
    "words": pa.list_(pa.int32()),
}


def write_rows(parts: Iterator[Split], file: Any) -> None:  # noqa: ANN401 - a binary file
    """Write the texts of rows to an Arrow file, without targets and further columns.

    Args:
        parts: At least one; all have the same columns.
        file: A binary file.
    """
    first = next(parts)
    schema = pa.schema([(name, _TYPES[name]) for name in _present(first)])
    with pa.ipc.new_file(file, schema) as writer:
        for part in chain([first], parts):
            if len(part):
                writer.write_batch(_record_batch(part, schema))


def split_parts(split: Split) -> Iterator[Split]:
    """Yield the rows of a split in parts of a record batch; without rows, the split itself."""
    for start in range(0, max(1, len(split)), _PART):
        yield split.take(range(start, min(start + _PART, len(split))))


def open_rows(path: Path) -> Split:
    """Open rows that `write_rows` wrote.

    Args:
        path: The file, which must not change while the rows are used.

    Returns:
        Rows without targets, whose columns are read from the file when they are needed.
    """
    with path.open("rb") as file:
        return _map_rows(file.fileno())


def store_rows(parts: Iterator[Split], folder: Path | None) -> Split:
    """Move rows from memory to a file without a name, which ends with the process.

    Args:
        parts: At least one; all have the same columns.
        folder: Where the file is; None for the usual folder of temporary files.

    Returns:
        The rows, see `open_rows`.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        write_rows(parts, file)
        file.flush()
        return _map_rows(file.fileno())


def _present(split: Split) -> list[str]:
    return [name for name in _TYPES if getattr(split, name) is not None]


def _record_batch(split: Split, schema: pa.Schema) -> pa.RecordBatch:
    columns = {name: list(getattr(split, name)) for name in schema.names}
    if "words" in columns:
        columns["words"] = [list(chain.from_iterable(spans)) for spans in columns["words"]]
    return pa.RecordBatch.from_pydict(columns, schema)


def _map_rows(descriptor: int) -> Split:
    memory = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    reader = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(memory)))
    counts = [reader.get_batch(n).num_rows for n in range(reader.num_record_batches)]
    rows = _MappedRows(memory, reader, np.cumsum([0, *counts]))
    columns: dict[str, Any] = {name: rows.column(name) for name in reader.schema.names}
    columns.setdefault("pairs", None)
    # Ids are looked up in any order.
    columns["ids"] = string_column(string_array(columns["ids"]))
    return Split(targets=(), **columns)


@dataclass(frozen=True)
class _MappedRows:
    """A mapped file.

    Attributes:
        memory: The mapping.
        reader: Its record batches.
        starts: Number of each batch's first row, and the number of all rows.
    """

    memory: mmap.mmap
    reader: pa.RecordBatchFileReader
    starts: NDArray[np.int64]

    def column(self, name: str) -> Column[Any]:
        return Column(int(self.starts[-1]), lambda numbers: self._read(name, numbers))

    def _read(self, name: str, numbers: NDArray[np.int64]) -> Sequence[Any]:
        values = np.empty(len(numbers), dtype=object)
        batches = np.searchsorted(self.starts, numbers, side="right") - 1
        for batch in np.unique(batches):
            places = np.flatnonzero(batches == batch)
            column = self.reader.get_batch(int(batch)).column(name)
            contents = column.take(pa.array(numbers[places] - self.starts[batch])).to_pylist()
            for place, value in zip(places.tolist(), contents, strict=True):
                values[place] = _spans(value) if name == "words" else value
        self._release()
        return values.tolist()

    def _release(self) -> None:
        if hasattr(self.memory, "madvise"):
            self.memory.madvise(mmap.MADV_DONTNEED)


def _spans(numbers: list[int]) -> WordSpans:
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))
