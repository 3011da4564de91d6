"""Combinations of values for sweeps."""

from __future__ import annotations

from typing import Any

import pytest

from coldpress.errors import InputError
from coldpress.search.grid import combine, parse_axes


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("seed=0..3", [0, 1, 2, 3]),
        ("seed=-1..1", [-1, 0, 1]),
        ("a.b=1,2.5,x,null,true", [1, 2.5, "x", None, True]),
        ("prune={method: a, n: 1},{method: b}", [{"method": "a", "n": 1}, {"method": "b"}]),
    ],
)
def test_values_are_ranges_of_integers_or_yaml(text: str, values: list[Any]) -> None:
    (parsed,) = parse_axes([text]).values()
    assert parsed == values


def test_the_last_field_changes_first() -> None:
    assert combine(parse_axes(["seed=0..1", "x=a,b"])) == [
        {"seed": 0, "x": "a"},
        {"seed": 0, "x": "b"},
        {"seed": 1, "x": "a"},
        {"seed": 1, "x": "b"},
    ]


@pytest.mark.parametrize("texts", [[], ["seed"], ["seed="], ["a..b=1"], ["s=1", "s=2"], ["x=[1"]])
def test_malformed_fields_are_refused(texts: list[str]) -> None:
    with pytest.raises(InputError, match=r"^--over"):
        parse_axes(texts)


def test_the_number_of_runs_is_limited() -> None:
    with pytest.raises(InputError, match="10201 runs, but at most 1000"):
        combine(parse_axes(["seed=0..100", "distill.epochs=0..100"]))
