"""All file formats give the same labels and texts."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coldpress.data import file_formats, rows
from coldpress.data.rows import Rows
from coldpress.errors import InputError


def column(name: str, values: Sequence[Any]) -> Rows:
    """Return rows with one column, as read from a .jsonl file."""
    return Rows("field: a.jsonl", "line", range(1, len(values) + 1), {name: values})


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0, "0"),
        ("1", "1"),
        (-3, "-3"),
        (2.0, "2.0"),
        (Decimal("2"), "2"),
        (True, "true"),
        (False, "false"),
        (date(2024, 1, 31), "2024-01-31"),
        (datetime(2024, 1, 31, 12), "2024-01-31 12:00:00"),
        (" spaced ", " spaced "),
        ("null", "null"),
    ],
)
def test_a_label_becomes_the_text_that_a_csv_file_would_contain(value: object, name: str) -> None:
    assert rows.extract_labels(column("label", [value]), "label") == (name,)


@pytest.mark.parametrize("value", [7, True, 2.0, "on"])
def test_labels_are_the_same_in_every_format(tmp_path: Path, value: object) -> None:
    label = json.dumps(value).strip('"')
    (tmp_path / "a.jsonl").write_text(json.dumps({"label": value}) + "\n")
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["label"], [label]])
    pq.write_table(pa.table({"label": [value]}), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        read = file_formats.read_file(tmp_path / name, ["label"], "field")
        assert rows.extract_labels(read, "label") == (label,)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "'label' is null"),
        (1.5, "'label' is 1.5, not a whole number; if it is the name of a class, write it as text"),
        (Decimal("0.1"), "'label' is 0.1, not a whole number"),
        (float("nan"), "'label' is nan, not a whole number"),
        (float("inf"), "'label' is inf, not a whole number"),
        (" ", "'label' is blank"),
        (["a"], "'label' is list, not a string"),
        ({"a": 1}, "'label' is dict, not a string"),
    ],
)
def test_an_invalid_label_is_refused(value: object, message: str) -> None:
    with pytest.raises(InputError, match=rf"^field: a.jsonl line 2: {message}"):
        rows.extract_labels(column("label", ["fine", value]), "label")


def test_a_slice_column_may_have_missing_values_and_numbers() -> None:
    read = column("region", [None, " ", "north", 7, 0.5, True])
    assert rows.extract_optional_texts(read, "region") == (None, None, "north", "7", "0.5", "True")


def test_a_slice_column_must_not_contain_lists() -> None:
    with pytest.raises(InputError, match=r"line 2: 'region' is list, not a string$"):
        rows.extract_optional_texts(column("region", ["north", ["a"]]), "region")
