from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from coldpress.data.encoding import EncodedSplit
from coldpress.evaluation.performance.macs import macs_per_token
from coldpress.model.classifier import Classifier
from coldpress.model.surgery import keep_heads, keep_neurons
from coldpress.pruning import Fisher
from coldpress.pruning.context import PruningContext
from coldpress.pruning.fisher.mask_rearrangement import rearrange
from coldpress.pruning.fisher.mask_search import UnitCosts, compute_unit_costs, search_by_macs
from coldpress.pruning.fisher.mask_tuning import (
    normal_equations,
    reconstruction_errors,
    sublayers,
    tune_masks,
)
from coldpress.pruning.importance import head_gradients, neuron_gradients
from coldpress.training.step import Loss

# One example: I_ii is 4, 1 and 9, 0.25 for heads, 1, 4, 9 and 0.01, 0.04, 0.09 for neurons.
HEADS = [torch.tensor([[2, 1.0]]), torch.tensor([[-3, 0.5]])]
NEURONS = [torch.tensor([[1, 2, -3.0]]), torch.tensor([[0.1, 0.2, 0.3]])]


@pytest.mark.parametrize(
    ("budget", "heads", "neurons"),
    [
        # Three heads cost 9 and leave no neuron; two leave three.
        (9, [[0], [0]], [[1, 2], [2]]),
        # Two heads and every neuron lose 1.25; three and three lose 0.25 + 1.05.
        (12, [[0], [0]], [[0, 1, 2], [0, 1, 2]]),
        # Three heads and four neurons lose 0.25 + 0.05.
        (13, [[0, 1], [0]], [[0, 1, 2], [2]]),
        (18, [[0, 1], [0, 1]], [[0, 1, 2], [0, 1, 2]]),
        # One of each in each layer is always kept.
        (0, [[0], [0]], [[2], [2]]),
    ],
)
def test_the_least_fisher_information_is_removed(
    budget: int, heads: list[list[int]], neurons: list[list[int]]
) -> None:
    kept_units = search_by_macs(HEADS, NEURONS, UnitCosts(head=3, neuron=1), budget / 18)
    assert (kept_units.heads, kept_units.neurons) == (heads, neurons)


units = st.lists(st.integers(1, 30).map(float), min_size=2, max_size=3)


@settings(max_examples=50, deadline=None)
@given(heads=st.tuples(units, units), neurons=st.tuples(units, units), share=st.floats(0.4, 1.0))
def test_the_solution_is_optimal_within_the_budget(
    heads: tuple[list[float], ...], neurons: tuple[list[float], ...], share: float
) -> None:
    kept_units = search_by_macs(_rows(heads), _rows(neurons), UnitCosts(head=2, neuron=1), share)
    sizes = [value**2 for layer in (*heads, *neurons) for value in layer]
    prices = [2 for layer in heads for _ in layer] + [1 for layer in neurons for _ in layer]
    layers = zip((*kept_units.heads, *kept_units.neurons), (*heads, *neurons), strict=True)
    mask_found = [unit in units_kept for units_kept, layer in layers for unit in range(len(layer))]
    ends = [len(layer) for layer in (*heads, *neurons)]
    removed = [
        _sum(sizes, [not keep for keep in mask])
        for mask in product([False, True], repeat=len(sizes))
        if _sum(prices, mask) <= share * sum(prices) + 1e-9 and _one_each(mask, ends)
    ]
    if removed:
        assert _sum(sizes, [not keep for keep in mask_found]) == pytest.approx(min(removed))
        assert _sum(prices, mask_found) <= share * sum(prices) + 1e-9


def _rows(layers: tuple[list[float], ...]) -> list[Tensor]:
    return [torch.tensor([layer]) for layer in layers]


def _sum(values: Sequence[float], mask: Sequence[bool]) -> float:
    return sum(value for value, keep in zip(values, mask, strict=True) if keep)


def _one_each(mask: tuple[bool, ...], ends: list[int]) -> bool:
    starts = [sum(ends[:place]) for place in range(len(ends))]
    return all(any(mask[at : at + end]) for at, end in zip(starts, ends, strict=True))


def test_a_head_and_a_neuron_cost_what_evaluation_counts(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    # 57 tokens in 12 rows: a mean of 5. Head size 4, width 16.
    assert compute_unit_costs(tiny, rows) == UnitCosts(head=4 * (4 * 16 + 2 * 5), neuron=2 * 16)
    fewer = keep_heads(keep_neurons(tiny, [range(31), range(32)]), [range(3), range(4)])
    assert macs_per_token(tiny, rows) - macs_per_token(fewer, rows) == 296 + 32


def test_a_gated_neuron_costs_one_more_row(
    random_classifier: Callable[..., Classifier], rows: EncodedSplit
) -> None:
    gated = random_classifier("modernbert")
    assert compute_unit_costs(gated, rows).neuron == 3 * 16
    fewer = keep_neurons(gated, [range(31), range(32), range(32)])
    assert macs_per_token(gated, rows) - macs_per_token(fewer, rows) == 48


def test_one_of_two_equal_units_is_kept() -> None:
    # The diagonal, 1, 1, 2.25, would let 0 and 1 go, at 1 + 1 + 2 * 1; 1 and 2 cost 1 + 2.25.
    gradients = torch.tensor([[1.0, 1.0, 1.5], [1.0, 1.0, -1.5]])
    assert rearrange([[2]], [gradients]) == [[0]]


def test_independent_units_are_not_exchanged() -> None:
    assert rearrange([[0, 2], [1]], [torch.diag(torch.tensor([2.0, 1, 3])), torch.eye(2)]) == [
        [0, 2],
        [1],
    ]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(1, 5))
def test_exchanges_reduce_the_cost_and_keep_the_number(seed: int, count: int) -> None:
    gradients = torch.randn(4, 6, generator=torch.Generator().manual_seed(seed)).double()
    before = gradients.square().sum(0).argsort(descending=True)[:count].tolist()
    (after,) = rearrange([before], [gradients])

    def cost(units: list[int]) -> float:
        return float(gradients[:, [i not in units for i in range(6)]].sum(1).square().sum())

    assert len(after) == count
    assert cost(after) <= cost(before) + 1e-9


def test_normal_equations_match_the_explicit_ones() -> None:
    generator = torch.Generator().manual_seed(0)
    weight, inputs, errors = (
        torch.randn(*shape, generator=generator) for shape in ((5, 6), (7, 6), (7, 5))
    )
    # A: contributions of units 0, 1, 2, of two features each, to the 7 x 5 outputs.
    columns = [
        (inputs[:, at : at + 2] @ weight[:, at : at + 2].T).flatten() for at in range(0, 6, 2)
    ]
    matrix = torch.stack(columns, dim=1)
    gram, moment = normal_equations(weight, inputs.T @ inputs, errors.T @ inputs, 2)
    torch.testing.assert_close(gram, matrix.T @ matrix)
    torch.testing.assert_close(moment, matrix.T @ errors.flatten())


@pytest.fixture
def doubled(tiny: Classifier) -> Classifier:
    """Neuron 1 of each layer fires as neuron 0 does, and its column is 2 times as long."""
    for layer in tiny.layers:
        up = tiny.linear(layer, "up")
        down = tiny.linear(layer, "down")
        up.weight.data[1] = up.weight.data[0]
        up.bias.data[1] = up.bias.data[0]
        down.weight.data[:, 1] = 2 * down.weight.data[:, 0]
    return tiny


def test_kept_neurons_compensate_for_removed_ones(doubled: Classifier, rows: EncodedSplit) -> None:
    pruned = keep_neurons(doubled, [[0, *range(2, 32)]] * 2)
    tune_masks(pruned, doubled, rows)
    for layer, old in zip(pruned.layers, doubled.layers, strict=True):
        column = pruned.linear(layer, "down").weight[:, 0]
        torch.testing.assert_close(
            column, 3 * doubled.linear(old, "down").weight[:, 0], rtol=0.05, atol=0
        )
    before = keep_neurons(doubled, [[0, *range(2, 32)]] * 2).logits(rows)
    expected = doubled.logits(rows)
    after = pruned.logits(rows)
    assert (after - expected).abs().max() < 0.05 * (before - expected).abs().max()


def test_only_unpadded_tokens_count_and_in_the_last_layer_only_the_first(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    rows_used = [
        (
            at.role,
            sum(len(inputs) for inputs, _ in reconstruction_errors(tiny.copy(), tiny, at, rows)),
        )
        for at in sublayers(tiny)
    ]
    # 57 tokens in 12 rows.
    first = [("attention_output", 57), ("down", 57)]
    last = [("attention_output", 12), ("down", 12)]
    assert rows_used == first + last


@pytest.mark.parametrize(("pooling", "of_the_last"), [("cls", 12), ("mean", 57)])
def test_kept_neurons_compensate_in_pre_norm_models(
    pooling: str,
    of_the_last: int,
    random_classifier: Callable[..., Classifier],
    rows: EncodedSplit,
) -> None:
    """Neuron 1 of each layer fires as neuron 0 does, and its column is 2 times as long."""
    doubled = random_classifier("modernbert", classifier_pooling=pooling)
    for layer in doubled.layers:
        for role in ("up", "gate"):
            weight = doubled.linear(layer, role).weight.data
            weight[1] = weight[0]
        column = doubled.linear(layer, "down").weight.data
        column[:, 1] = 2 * column[:, 0]
    pruned = keep_neurons(doubled, [[0, *range(2, 32)]] * 3)
    before = pruned.logits(rows)
    rows_used = [
        sum(len(i) for i, _ in reconstruction_errors(pruned, doubled, at, rows))
        for at in sublayers(pruned)
    ]
    assert rows_used == [57] * 4 + [of_the_last] * 2
    tune_masks(pruned, doubled, rows)
    # In the last layer, twelve tokens may allow more than one good mask.
    for layer, old in list(zip(pruned.layers, doubled.layers, strict=True))[:2]:
        weight = pruned.linear(layer, "down").weight[:, 0]
        torch.testing.assert_close(
            weight, 3 * doubled.linear(old, "down").weight[:, 0], rtol=0.05, atol=0
        )
    answers = doubled.logits(rows)
    assert (pruned.logits(rows) - answers).square().mean() < (before - answers).square().mean() / 4


def test_masks_beyond_ten_are_not_applied(tiny: Classifier, rows: EncodedSplit) -> None:
    two = keep_neurons(tiny, [range(32), [0, 1]])
    up, down = (two.linear(two.layers[1], role) for role in ("up", "down"))
    up.weight.data[1] = up.weight.data[0]
    up.bias.data[1] = up.bias.data[0]
    down.weight.data[:, 1] = 100 * down.weight.data[:, 0]
    pruned = keep_neurons(two, [range(32), [0]])
    tune_masks(pruned, two, rows)
    assert torch.equal(pruned.linear(pruned.layers[1], "down").weight[:, 0], down.weight[:, 0])


def test_mask_gradients_are_per_example(
    tiny: Classifier, rows: EncodedSplit, loss: Loss, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = head_gradients(tiny, rows, loss), neuron_gradients(tiny, rows, loss)
    monkeypatch.setattr("coldpress.pruning.importance.BATCH_SIZE", 1)
    alone = head_gradients(tiny, rows, loss), neuron_gradients(tiny, rows, loss)
    for batched, single in zip(together, alone, strict=True):
        for layer, same in zip(batched, single, strict=True):
            torch.testing.assert_close(layer, same)


def test_tuning_brings_the_logits_closer_to_the_sources(
    tiny: Classifier, rows: EncodedSplit, loss: Loss, context: PruningContext
) -> None:
    tuned = Fisher(method="fisher", keep_macs=0.6).prune(tiny, context)
    heads = head_gradients(tiny, rows, loss)
    neurons = neuron_gradients(tiny, rows, loss)
    kept_units = search_by_macs(heads, neurons, compute_unit_costs(tiny, rows), 0.6)
    untuned = keep_heads(tiny, rearrange(kept_units.heads, heads))
    untuned = keep_neurons(untuned, rearrange(kept_units.neurons, neurons))
    assert tuned.shapes == untuned.shapes
    errors = [
        (model.logits(rows) - tiny.logits(rows)).square().mean() for model in (tuned, untuned)
    ]
    assert errors[0] < errors[1]
