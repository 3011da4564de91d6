"""Unlabelled rows, of which there may be more than fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldpress.benchmark.loading import Benchmark
from coldpress.data import arrow_rows, file_formats, leakage
from coldpress.data.columns import string_array, string_column
from coldpress.data.sources import Columns
from coldpress.data.splits import Split, row_id

_FIELD = "soft_targets.unlabelled"


def read_unlabelled(path: Path, columns: Columns, folder: Path | None = None) -> Split:
    """Read unlabelled texts, for which the teacher computes soft targets.

    Args:
        path: A `.jsonl`, `.csv` or `.parquet` file; a label column is ignored.
        columns: Names of the text columns.
        folder: Where the rows are kept while they are used; None for the usual folder of
            temporary files.

    Returns:
        Rows without labels.

    Raises:
        InputError: The file, a column or a row is invalid.
    """
    return _store(_read_parts(path, columns), folder)


def read_filtered_unlabelled(
    benchmark: Benchmark, path: Path, columns: Columns, folder: Path | None = None
) -> leakage.FilteredRows:
    """Read unlabelled rows without those of validation and test samples.

    Args:
        benchmark: Benchmark with the validation and test texts.
        path: See `read_unlabelled`.
        columns: Names of the text columns.
        folder: See `read_unlabelled`.

    Raises:
        InputError: The file, a column or a row is invalid.
    """
    test, validation = (
        benchmark.kind.split_samples(split) for split in (benchmark.test, benchmark.validation)
    )
    keys = leakage.collect_keys(test, validation)
    removed = np.zeros(2, dtype=np.int64)

    def clean_parts() -> Iterator[Split]:
        for part in _read_parts(path, columns):
            filtered = keys.remove_from(part)
            removed[:] += (filtered.test, filtered.validation)
            yield filtered.rows

    rows = _store(clean_parts(), folder)
    return leakage.FilteredRows(rows, test=int(removed[0]), validation=int(removed[1]))


def _read_parts(path: Path, columns: Columns) -> Iterator[Split]:
    return map(columns.build_split, file_formats.read_parts(path, columns.texts, _FIELD))


def _store(parts: Iterator[Split], folder: Path | None) -> Split:
    """Move rows to a file, and number those with the same texts over all parts."""
    rows = arrow_rows.store_rows(map(_with_first_ids, parts), folder)
    ids = string_array(rows.ids)
    earlier = _count_earlier(ids)
    repeated = rows.take(np.flatnonzero(earlier))
    places = np.flatnonzero(earlier).tolist()
    for row, key in zip(places, repeated.row_texts, strict=True):
        ids[row] = row_id(key, int(earlier[row])).encode()
    return replace(rows, ids=string_column(ids))


def _with_first_ids(part: Split) -> Split:
    """Give rows with the same texts the same id, that of the first one."""
    keys = list(zip(part.texts, part.pairs or part.texts, strict=True))
    first: dict[tuple[str, str], str] = {}
    return replace(
        part, ids=tuple(first.setdefault(k, i) for k, i in zip(keys, part.ids, strict=True))
    )


def _count_earlier(ids: NDArray[np.bytes_]) -> NDArray[np.int64]:
    """Return for each id how many earlier ones are the same, shape (ids,)."""
    order = np.argsort(ids, kind="stable")
    in_order = ids[order]
    is_first = np.ones(len(ids), dtype=bool)
    is_first[1:] = in_order[1:] != in_order[:-1]
    starts = np.flatnonzero(is_first)
    counts = np.diff(np.append(starts, len(ids)))
    earlier = np.empty(len(ids), dtype=np.int64)
    earlier[order] = np.arange(len(ids)) - np.repeat(starts, counts)
    return earlier
