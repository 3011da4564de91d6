"""Row ids on disk, and rows by their ids, without an object for each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldpress.data.columns import string_array, string_column

_ID = 16
"""Characters of an id, see `coldpress.data.splits.row_ids`."""


def find_rows(ids: Sequence[str], wanted: Sequence[str]) -> NDArray[np.int64]:
    """Return the places of some ids.

    Args:
        ids: Ids without duplicates.
        wanted: Ids in any order.

    Returns:
        Shape (wanted,).

    Raises:
        KeyError: One is missing.
    """
    array, searched = string_array(ids), string_array(wanted)
    order = np.argsort(array)
    places = np.searchsorted(array, searched, sorter=order)
    rows = order[np.minimum(places, len(array) - 1)]
    missing = np.flatnonzero(array[rows] != searched)
    if len(missing):
        raise KeyError(searched[missing[0]].decode())
    return np.asarray(rows, dtype=np.int64)


def save_ids(ids: Sequence[str], path: Path) -> None:
    """Write ids as a list in JSON, the bytes of `json.dumps`."""
    with path.open("w", encoding="utf-8") as file:
        separator = "["
        for row_id in ids:
            file.write(separator + json.dumps(row_id))
            separator = ", "
        file.write("]" if len(ids) else "[]")


def load_ids(path: Path) -> Sequence[str]:
    """Read a list of ids; a column if all have the usual length."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    width = _ID + len('["",')
    if len(data) and len(data) % width == 0:
        # Each id takes `["0123456789abcdef",`: the first has a bracket, others have a space.
        table = data.reshape(-1, width)
        is_quote = table == ord('"')
        if is_quote[:, [1, _ID + 2]].all() and is_quote.sum() == 2 * len(table):
            ids = np.ascontiguousarray(table[:, 2 : _ID + 2])
            return string_column(ids.view(f"S{_ID}").ravel())
    return tuple(json.loads(data.tobytes()))
