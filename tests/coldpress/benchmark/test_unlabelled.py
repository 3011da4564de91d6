"""Unlabelled rows are read in parts, with the ids that they had when read at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from coldpress.benchmark.unlabelled import read_unlabelled
from coldpress.data.sources import TextColumns
from coldpress.data.splits import row_ids
from coldpress.errors import InputError

COUNT = 20_000
BROKEN = 12_345


def texts() -> list[str | None]:
    """Some texts occur many times, in several parts of the file."""
    return [f"text {n % 7 if n % 100 == 0 else n}" for n in range(COUNT)]


def write_jsonl(folder: Path, values: list[str | None]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": value}) + "\n" for value in values))
    return path


def write_csv(folder: Path, values: list[str | None]) -> Path:
    path = folder / "rows.csv"
    path.write_text("text,n\n" + "".join(f"{value or ''},1\n" for value in values))
    return path


def write_parquet(folder: Path, values: list[str | None]) -> Path:
    path = folder / "rows.parquet"
    pyarrow.parquet.write_table(pa.table({"text": values}), path)
    return path


Writer = Callable[[Path, list[str | None]], Path]


@pytest.mark.parametrize("write", [write_jsonl, write_csv, write_parquet])
def test_rows_with_the_same_text_have_ids_of_their_own(write: Writer, tmp_path: Path) -> None:
    rows = read_unlabelled(write(tmp_path, texts()), TextColumns(), tmp_path)
    expected = tuple(str(text) for text in texts())
    assert rows.texts == expected
    assert rows.ids == row_ids(expected, None)
    assert len(set(rows.ids)) == COUNT


@pytest.mark.parametrize(
    ("write", "place"),
    [
        (write_jsonl, rf"rows.jsonl line {BROKEN + 1}: 'text' is null"),
        (write_csv, rf"rows.csv line {BROKEN + 2}: 'text' is blank"),
        (write_parquet, rf"rows.parquet row {BROKEN + 1}: 'text' is null"),
    ],
)
def test_a_malformed_row_in_the_middle_of_a_large_file_is_named(
    write: Writer, place: str, tmp_path: Path
) -> None:
    values = texts()
    values[BROKEN] = None
    with pytest.raises(InputError, match=f"^soft_targets.unlabelled: .*{place}$"):
        read_unlabelled(write(tmp_path, values), TextColumns(), tmp_path)
