"""Budgets: how bounds are read, met and missed."""

from __future__ import annotations

import pytest

from coldpress.errors import InputError
from coldpress.search.budget import Budget, Measures, parse_budget

MODEL = Measures(score=0.9, p50_ms=0.2, p95_ms=0.3, bytes=5_000_000, retention=0.95)


def test_units_are_converted_and_the_order_is_kept() -> None:
    budget = parse_budget(["bytes=6MB", "p95_ms=0.25", "retention=98%"])
    assert budget.limits == {"bytes": 6e6, "p95_ms": 0.25, "retention": pytest.approx(0.98)}
    assert budget.costs == ("bytes", "p95_ms")


@pytest.mark.parametrize(
    ("bound", "name", "value"),
    [
        ("bytes=4000kB", "bytes", 4e6),
        ("bytes=123", "bytes", 123.0),
        ("p50_ms=0.2ms", "p50_ms", 0.2),
        ("p50_ms=2e-1", "p50_ms", 0.2),
    ],
)
def test_values_may_have_a_unit(bound: str, name: str, value: float) -> None:
    assert parse_budget([bound]).limits[name] == pytest.approx(value)


def test_most_of_the_teachers_score_is_kept_by_default() -> None:
    assert parse_budget(["p95_ms=1"]).limits["retention"] == 0.99
    assert "retention" not in parse_budget(["p95_ms=1", "score=0.8"]).limits


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (["speed=2"], "expected NAME=VALUE, where NAME is one of p50_ms, p95_ms, bytes"),
        (["p95_ms"], "expected NAME=VALUE"),
        (["p95_ms=fast"], "expected a positive number"),
        (["p95_ms=0"], "expected a positive number"),
        (["p95_ms=-1"], "expected a positive number"),
        (["p95_ms=1.2.3"], "expected a positive number"),
        (["p95_ms=3MB"], "without a unit or in ms"),
        (["bytes=3ms"], "without a unit or in B, kB, KB, MB, GB"),
        (["p95_ms=1", "p95_ms=2"], "p95_ms is given twice"),
        (["retention=0.9"], "at least one of p50_ms, p95_ms, bytes is required"),
        (["p95_ms=1", "retention=99"], "at most 1, or of at most 100 %"),
        ([], "at least one of"),
    ],
)
def test_a_wrong_bound_is_refused(bounds: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_budget(bounds)


def test_bounds_are_met_or_missed_by_a_share() -> None:
    budget = Budget({"p95_ms": 0.25, "bytes": 6e6, "retention": 0.99})
    assert budget.excess(MODEL, "p95_ms") == pytest.approx(0.2)
    assert budget.excess(MODEL, "bytes") == pytest.approx(-1 / 6)
    assert budget.excess(MODEL, "retention") == pytest.approx(0.04 / 0.99)
    assert budget.worst_excess(MODEL) == pytest.approx(0.2)
    assert not budget.is_met(MODEL)
    assert budget.describe_misses(MODEL) == (
        "p95_ms by 20 % (0.3 instead of 0.25), retention by 4 % (0.95 instead of 0.99)"
    )
    assert Budget({"p95_ms": 0.3, "score": 0.9}).is_met(MODEL)


def test_an_unknown_retention_does_not_meet_a_bound() -> None:
    unknown = Measures(score=0.9, p50_ms=0.2, p95_ms=0.3, bytes=5)
    assert not Budget({"retention": 0.5}).is_met(unknown)
