from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from coldpress.model.classifier import Classifier
from coldpress.pruning import Fisher
from coldpress.pruning.context import PruningContext
from coldpress.pruning.fisher.latency_search import LatencyTable, search_by_latency

# One example: I_ii is 4, 1 and 9, 0.25 for heads, 1, 4, 9 and 0.01, 0.04, 0.09 for neurons.
HEADS = [torch.tensor([[2, 1.0]]), torch.tensor([[-3, 0.5]])]
NEURONS = [torch.tensor([[1, 2, -3.0]]), torch.tensor([[0.1, 0.2, 0.3]])]
# Everything takes 4 + 2 * 3 + 2 * 2 = 14 ms.
TABLE = LatencyTable(tokens=5, smallest=4, heads=((1, 0), (2, 3)), neurons=((1, 0), (3, 2)))


@pytest.mark.parametrize(
    ("milliseconds", "heads", "neurons"),
    [
        # One of each in each layer is always kept.
        (2, [[0], [0]], [[2], [2]]),
        # The neuron that is worth 4, halfway between two entries, takes 1.
        (5, [[0], [0]], [[1, 2], [2]]),
        # Four neurons are worth 5.05; a head and a neuron would be worth 1 + 4.
        (8, [[0], [0]], [[0, 1, 2], [0, 1, 2]]),
        # A head and two neurons are worth 6.
        (9, [[0, 1], [0]], [[0, 1, 2], [2]]),
        (14, [[0, 1], [0, 1]], [[0, 1, 2], [0, 1, 2]]),
    ],
)
def test_the_least_fisher_information_is_removed(
    milliseconds: int, heads: list[list[int]], neurons: list[list[int]]
) -> None:
    kept_units = search_by_latency(HEADS, NEURONS, TABLE, milliseconds / 14)
    assert (kept_units.heads, kept_units.neurons) == (heads, neurons)


@pytest.mark.parametrize(("milliseconds", "neurons"), [(1, [[2], [2]]), (5, [[1, 2], [2]])])
def test_heads_that_take_no_time_are_all_kept(milliseconds: int, neurons: list[list[int]]) -> None:
    free = LatencyTable(tokens=5, smallest=4, heads=((1, 0), (2, 0)), neurons=((1, 0), (3, 2)))
    kept_units = search_by_latency(HEADS, NEURONS, free, milliseconds / 8)
    assert (kept_units.heads, kept_units.neurons) == ([[0, 1], [0, 1]], neurons)


def test_a_step_of_the_table_is_filled() -> None:
    # A second head takes 3 ms and is worth 4; a third and a fourth come with it.
    heads = [torch.tensor([[3, 2, 1, 0.5]])]
    steps = LatencyTable(tokens=5, smallest=1, heads=((1, 0), (2, 3), (4, 3)), neurons=((1, 0),))
    assert search_by_latency(heads, [torch.ones(1, 1)], steps, 0.99).heads == [[0]]
    wider = LatencyTable(5, 1, steps.heads, ((1, 0), (2, 3)))
    assert search_by_latency(heads, [torch.ones(1, 2)], wider, 4 / 7).heads == [[0, 1, 2, 3]]


values = st.lists(st.integers(1, 30).map(float), min_size=3, max_size=3)
steps = st.lists(st.integers(0, 5), min_size=2, max_size=2)


@settings(max_examples=50, deadline=None)
@given(
    heads=st.tuples(values, values),
    neurons=st.tuples(values, values),
    table_steps=st.tuples(steps, steps),
    budget=st.sampled_from([1, 2, 4, 5, 8, 10]),
)
def test_the_solution_is_optimal_within_the_budget(
    heads: tuple[list[float], ...],
    neurons: tuple[list[float], ...],
    table_steps: tuple[list[int], list[int]],
    budget: int,
) -> None:
    tables = [[0, first, first + second] for first, second in table_steps]
    prices = [tables[0], tables[0], tables[1], tables[1]]
    whole = sum(price[-1] for price in prices)
    knots = [tuple(zip((1, 2, 3), map(float, table), strict=True)) for table in tables]
    table = LatencyTable(5, 1, knots[0], knots[1])
    kept_units = search_by_latency(
        _rows(heads), _rows(neurons), table, min(1.0, (1 + budget) / (1 + whole))
    )
    best_counts = [len(units) for units in (*kept_units.heads, *kept_units.neurons)]
    layers = [*heads, *neurons]
    least = min(
        _removed_importance(layers, counts)
        for counts in product([1, 2, 3], repeat=4)
        if _time(prices, counts) <= budget
    )
    assert _time(prices, best_counts) <= budget
    assert _removed_importance(layers, best_counts) == pytest.approx(least)


def _rows(layers: tuple[list[float], ...]) -> list[torch.Tensor]:
    return [torch.tensor([layer]) for layer in layers]


def _time(prices: Sequence[Sequence[int]], numbers: Sequence[int]) -> int:
    return sum(price[number - 1] for price, number in zip(prices, numbers, strict=True))


def _removed_importance(layers: Sequence[Sequence[float]], numbers: Sequence[int]) -> float:
    pairs = zip(layers, numbers, strict=True)
    return sum(x * x for layer, n in pairs for x in sorted(layer, reverse=True)[n:])


@pytest.mark.parametrize("budgets", [{}, {"keep_macs": 0.5, "keep_latency": 0.5}])
def test_exactly_one_budget_must_be_given(budgets: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="one of keep_macs and keep_latency must be given"):
        Fisher.model_validate({"method": "fisher", **budgets})


def test_a_latency_below_a_twentieth_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to"):
        Fisher(method="fisher", keep_latency=0.04)


def test_a_latency_budget_needs_a_timer(tiny: Classifier, context: PruningContext) -> None:
    with pytest.raises(ValueError, match="keep_latency: layers cannot be timed here"):
        Fisher(method="fisher", keep_latency=0.5).prune(tiny, context)
