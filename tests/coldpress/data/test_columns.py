"""Columns whose values are read when they are needed behave like tuples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldpress.data.columns import Column, join, string_array, string_column, take

TEXTS = st.lists(st.text("abc", min_size=1, max_size=3), max_size=8)


def column(values: list[str]) -> Column[str]:
    return Column(len(values), lambda places: [values[place] for place in places])


@given(TEXTS, TEXTS, st.data())
def test_rows_of_joined_columns_are_those_of_joined_tuples(
    first: list[str], second: list[str], data: st.DataObject
) -> None:
    values = (*first, *second)
    joined = join(column(first), tuple(second))
    assert joined == values
    if values:
        places = data.draw(st.lists(st.integers(0, len(values) - 1)))
        assert tuple(take(joined, places)) == tuple(values[place] for place in places)
        assert joined[-1] == values[-1]
    assert joined[1:3] == values[1:3]


def test_two_tuples_stay_a_tuple() -> None:
    assert join(("a",), ("b",)) == ("a", "b")
    assert isinstance(join(("a",), ("b",)), tuple)
    assert take(("a", "b"), [1, 1]) == ("b", "b")


@given(TEXTS)
def test_short_texts_are_bytes_and_back(values: list[str]) -> None:
    assert string_column(string_array(values)) == tuple(values)


def test_a_place_beyond_the_end_is_an_error() -> None:
    with pytest.raises(IndexError):
        column(["a"])[1]
