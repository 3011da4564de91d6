"""Pareto fronts, worked out by hand, and the choice of a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldpress.errors import InputError
from coldpress.search.budget import Budget, Measures
from coldpress.search.front import Candidate, choose_cheapest, pareto_front


def candidate(number: int, score: float, p95_ms: float, size: float = 1.0) -> Candidate:
    measures = Measures(score, p95_ms / 2, p95_ms, size, retention=score)
    return Candidate(number, {}, measures, f"run-{number}")


def test_a_candidate_that_is_worse_in_everything_is_left_out() -> None:
    candidates = [candidate(0, 0.9, 2.0), candidate(1, 0.8, 3.0), candidate(2, 0.7, 1.0)]
    assert [c.number for c in pareto_front(candidates, ["p95_ms"])] == [2, 0]


def test_of_equal_candidates_the_first_one_stays() -> None:
    candidates = [candidate(0, 0.9, 2.0), candidate(1, 0.9, 2.0)]
    assert [c.number for c in pareto_front(candidates, ["p95_ms"])] == [0]


def test_a_second_cost_keeps_what_the_first_one_would_leave_out() -> None:
    candidates = [candidate(0, 0.9, 2.0, size=5.0), candidate(1, 0.9, 3.0, size=4.0)]
    assert [c.number for c in pareto_front(candidates, ["p95_ms"])] == [0]
    assert [c.number for c in pareto_front(candidates, ["p95_ms", "bytes"])] == [0, 1]


numbers = st.integers(0, 4).map(float)


@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=12))
def test_each_candidate_is_on_the_front_or_dominated_by_one_on_it(
    points: list[tuple[float, float, float]],
) -> None:
    candidates = [candidate(n, *point) for n, point in enumerate(points)]
    front = pareto_front(candidates, ["p95_ms", "bytes"])
    for c in candidates:
        at_least_as_good = [
            f
            for f in front
            if f.measures.score >= c.measures.score
            and f.measures.p95_ms <= c.measures.p95_ms
            and f.measures.bytes <= c.measures.bytes
        ]
        if c in front:
            assert at_least_as_good == [c]
        else:
            assert at_least_as_good


def test_the_cheapest_model_within_the_budget_is_chosen() -> None:
    candidates = [candidate(0, 0.99, 2.0), candidate(1, 0.98, 1.0), candidate(2, 0.5, 0.1)]
    budget = Budget({"p95_ms": 3.0, "retention": 0.95})
    assert choose_cheapest(candidates, budget).number == 1


def test_without_a_model_within_the_budget_the_nearest_one_is_described() -> None:
    candidates = [candidate(0, 0.99, 2.0), candidate(1, 0.5, 1.0)]
    with pytest.raises(InputError) as error:
        choose_cheapest(candidates, Budget({"p95_ms": 1.6, "retention": 0.95}))
    assert str(error.value) == (
        "--budget: no model meets it; the nearest, trial 0, misses p95_ms by 25 %"
        " (2 instead of 1.6)"
    )
