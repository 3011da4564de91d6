"""Slices that a recipe declares."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.evaluation import Evaluate
from coldpress.evaluation.subgroups import slices
from coldpress.evaluation.subgroups.slices import DeclaredSlices, Slice

TEXTS = ("one", "one two 3", "one two three four", "a b c d e", "x 5")
REGIONS = ("north", "south", "north", None, "north")


@pytest.fixture
def rows() -> Split:
    ids = tuple("abcde")
    return Split(ids, TEXTS, None, (0, 1, 0, 1, 0), {"region": REGIONS})


def declared(**section: Any) -> DeclaredSlices:  # noqa: ANN401
    return Evaluate.model_validate({"slices": [section]}).slices[0]


def test_a_column_makes_a_slice_of_each_value_with_enough_rows(rows: Split) -> None:
    column = declared(method="column", column="region", min_rows=1)
    assert column.select(rows) == [
        Slice("column", "region: north", (0, 2, 4)),
        Slice("column", "region: south", (1,)),
    ]
    often = declared(method="column", column="region", min_rows=2)
    assert [slice_.name for slice_ in often.select(rows)] == ["region: north"]
    assert declared(method="column", column="region").select(rows) == []


def test_edges_are_the_largest_lengths_of_their_ranges(rows: Split) -> None:
    assert declared(method="length", edges=[1, 4]).select(rows) == [
        Slice("length", "up to 1 words", (0,)),
        Slice("length", "2 to 4 words", (1, 2, 4)),
        Slice("length", "5 words and more", (3,)),
    ]


def test_bands_without_rows_are_left_out_and_narrow_ones_have_one_number(rows: Split) -> None:
    names = [slice_.name for slice_ in declared(method="length", edges=[2, 3, 9]).select(rows)]
    assert names == ["up to 2 words", "3 words", "4 to 9 words"]


def test_the_words_of_a_pair_are_those_of_both_texts(rows: Split) -> None:
    pairs = Split(rows.ids, rows.texts, ("six words and then some more",) * 5, rows.targets)
    assert slices.count_words(pairs) == [7, 9, 10, 11, 8]


def test_a_pattern_is_searched_in_the_text_alone(rows: Split) -> None:
    pairs = Split(rows.ids, rows.texts, ("9",) * 5, rows.targets)
    digits = declared(method="pattern", name="digits", pattern=r"\d")
    assert digits.select(rows) == digits.select(pairs) == [Slice("pattern", "digits", (1, 4))]
    assert declared(method="pattern", name="none", pattern="zebra").select(rows) == []


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"method": "pattern", "name": "x", "pattern": "(a"},
            "invalid regular expression: missing",
        ),
        (
            {"method": "pattern", "name": "x", "pattern": "a{9999999999}"},
            "invalid regular expression",
        ),
        ({"method": "pattern", "pattern": "a"}, "name"),
        ({"method": "length", "edges": [4, 4]}, "ascending order"),
        ({"method": "length", "edges": []}, "at least 1 item"),
        ({"method": "length", "edges": [0]}, "greater than or equal to 1"),
        ({"method": "column", "column": "x", "edges": [3]}, "Extra inputs"),
        ({"method": "topic"}, "'column', 'length', 'pattern'"),
    ],
)
def test_an_invalid_slice_is_refused(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        declared(**section)


def test_required_columns_come_with_their_recipe_field() -> None:
    length = declared(method="length", edges=[3])
    column = declared(method="column", column="region")
    assert slices.required_columns([length, column]) == (("evaluate.slices.1.column", "region"),)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"method": "column", "column": "region", "min_rows": 4},
            r"^evaluate.slices.1.min_rows: no value of 'region' has 4 test rows$",
        ),
        (
            {"method": "pattern", "name": "x", "pattern": "zebra"},
            r"^evaluate.slices.1.pattern: matches no test row$",
        ),
    ],
)
def test_an_empty_slice_is_refused(rows: Split, section: dict[str, Any], message: str) -> None:
    length = declared(method="length", edges=[3])
    slices.check_slices([length], rows)
    with pytest.raises(InputError, match=message):
        slices.check_slices([length, declared(**section)], rows)
