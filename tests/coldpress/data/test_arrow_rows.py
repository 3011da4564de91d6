"""Rows in mapped Arrow files are those that were written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from coldpress.data import arrow_rows
from coldpress.data.splits import Split, row_ids
from coldpress.data.words import split_words


def rows(count: int) -> Split:
    texts = tuple(f"row number {n}" for n in range(count))
    return Split(row_ids(texts, None), texts, None, ())


def test_rows_of_several_parts_are_read_in_any_order(tmp_path: Path) -> None:
    written = rows(20_000)
    stored = arrow_rows.store_rows(arrow_rows.split_parts(written), tmp_path)
    assert stored == written
    assert list(tmp_path.iterdir()) == []
    numbers = [19_999, 0, 8191, 8192, 0]
    assert stored.take(numbers).texts == tuple(f"row number {n}" for n in numbers)
    assert stored.take(numbers).ids == written.take(numbers).ids


def test_words_pairs_and_sources_are_kept(tmp_path: Path) -> None:
    plain = rows(3)
    whole = replace(
        plain,
        pairs=("a", "b", "c"),
        sources=("one", "two", "three"),
        words=tuple(map(split_words, plain.texts)),
    )
    path = tmp_path / "rows.arrow"
    with path.open("wb") as file:
        arrow_rows.write_rows(arrow_rows.split_parts(whole), file)
    assert arrow_rows.open_rows(path) == whole


def test_a_file_may_have_no_rows(tmp_path: Path) -> None:
    stored = arrow_rows.store_rows(arrow_rows.split_parts(rows(0)), tmp_path)
    assert len(stored) == 0
    assert rows(2).concat(stored) == rows(2)
