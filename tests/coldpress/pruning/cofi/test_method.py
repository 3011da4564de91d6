from __future__ import annotations

import math

import pytest
import torch

from coldpress.data.encoding import EncodedSplit
from coldpress.model.activations import Activations
from coldpress.model.classifier import Classifier
from coldpress.pruning import L0
from coldpress.pruning.cofi.gates import (
    ModelGates,
    apply_gates,
    create_gates,
    expected_sparsity,
    lagrangian,
    select_units,
)
from coldpress.pruning.cofi.hard_concrete import deterministic_gates, open_probability, sample_gates
from coldpress.pruning.cofi.training import layer_loss, remove_closed
from coldpress.pruning.context import PruningContext
from coldpress.training.loop import reseed

OPEN = 100.0
CLOSED = -100.0
EVERY = list(range(16))


@pytest.fixture
def gates(tiny: Classifier) -> ModelGates:
    """Every gate of the tiny model is open: attention, feed-forward, attention, feed-forward."""
    gates = create_gates(tiny)
    for log_alpha in gates.log_alphas:
        log_alpha.data.fill_(OPEN)
    return gates


def test_deterministic_gates_are_between_closed_and_open() -> None:
    # sigmoid is 1/12, 1/2 and 11/12, stretched to -0.1 .. 1.1.
    log_alpha = torch.tensor([CLOSED, -math.log(11), 0.0, math.log(11), OPEN])
    assert deterministic_gates(log_alpha).tolist() == pytest.approx([0, 0, 0.5, 1, 1], abs=1e-6)


def test_sampled_gates_are_open_as_often_as_expected() -> None:
    # sigmoid(2/3 log 11) = 11^(2/3) / (1 + 11^(2/3)) = 4.9461 / 5.9461.
    assert open_probability(torch.tensor(0.0)).item() == pytest.approx(0.83182, abs=1e-5)
    torch.manual_seed(0)
    for log_alpha in (-2.0, 0.0, 1.0):
        gates = sample_gates(torch.full((20000,), log_alpha))
        expected = open_probability(torch.tensor(log_alpha)).item()
        assert (gates > 0).float().mean().item() == pytest.approx(expected, abs=0.01)
        assert gates.min() >= 0
        assert gates.max() == 1


def test_expected_sparsity_counts_weights(gates: ModelGates) -> None:
    # Attention and feed-forward have 4 * 16 * 16 and 2 * 16 * 32 weights a layer: as many.
    assert [at.unit_weights * len(at.unit_log_alphas) * 16 for at in gates.sublayers] == [1024] * 4
    assert gates.weight_count == 4096
    assert expected_sparsity(gates).item() == pytest.approx(0.0)
    gates.sublayers[0].log_alpha.data.fill_(CLOSED)
    gates.sublayers[1].unit_log_alphas.data[:8] = CLOSED
    assert expected_sparsity(gates).item() == pytest.approx(1 / 4 + 1 / 16)
    gates.sublayers[2].log_alpha.data.fill_(0.0)
    gates.sublayers[2].unit_log_alphas.data[:2] = 0.0
    # Two heads are open with 0.83182 for the gate of attention, two with its square for their own.
    stay = (0.83182 + 0.83182**2) / 2
    assert expected_sparsity(gates).item() == pytest.approx(5 / 16 + (1 - stay) / 4, abs=1e-5)


def test_expected_sparsity_counts_weights_of_closed_dimensions(gates: ModelGates) -> None:
    gates.width_log_alphas.data[:4] = CLOSED
    assert expected_sparsity(gates).item() == pytest.approx(1 / 4)
    # Of the weights 3/4 are in other sublayers, and of these 12/16 in other dimensions.
    gates.sublayers[0].log_alpha.data.fill_(CLOSED)
    assert expected_sparsity(gates).item() == pytest.approx(1 - 9 / 16)
    gates.width_log_alphas.data[4:8] = 0.0
    expected = 1 - 3 / 4 * (8 + 4 * 0.83182) / 16
    assert expected_sparsity(gates).item() == pytest.approx(expected, abs=1e-5)


def test_the_constraint_is_linear_and_quadratic_in_the_difference() -> None:
    value = lagrangian(torch.tensor(0.3), 0.5, torch.tensor([-2.0, 5.0]))
    assert value.item() == pytest.approx(-2 * -0.2 + 5 * 0.04)


def test_the_most_likely_open_units_are_selected_within_the_budget(gates: ModelGates) -> None:
    attention, feed_forward, attention_2, feed_forward_2 = gates.sublayers
    attention.unit_log_alphas.data[:] = torch.tensor([1.0, 4, 3, 2])
    feed_forward.log_alpha.data.fill_(CLOSED)
    attention_2.unit_log_alphas.data[:] = torch.tensor([-1.0, 5, -2, -3])
    feed_forward_2.unit_log_alphas.data[:] = torch.arange(32.0) - 20
    # 1056 of 4096 weights: neurons of 11 to 3, of 32 each, and heads of 5, 4 and 3, of 256 each.
    assert select_units(gates, 16, 1056 / 4096) == [[1, 2], [], [1], list(range(23, 32))]
    # There is no room for another head, but for the neuron of 2.
    assert select_units(gates, 16, 1100 / 4096)[3] == list(range(22, 32))
    # At half the width every unit costs half: 528 weights are enough.
    assert select_units(gates, 8, 528 / 4096) == [[1, 2], [], [1], list(range(23, 32))]
    # Gates of -3 and less are closed: they are not selected even if there is room.
    assert select_units(gates, 16, 1.0) == [[0, 1, 2, 3], [], [0, 1, 2], list(range(18, 32))]


def test_removing_units_computes_the_same_as_deterministic_gates(
    tiny: Classifier, rows: EncodedSplit, gates: ModelGates
) -> None:
    gates.sublayers[0].unit_log_alphas.data[1] = CLOSED
    gates.sublayers[1].unit_log_alphas.data[3:9] = CLOSED
    gates.sublayers[2].unit_log_alphas.data[:] = torch.tensor([OPEN, 0.0, OPEN, OPEN])
    with apply_gates(tiny, gates):
        logits = tiny.logits(rows)
    assert not torch.allclose(logits, tiny.logits(rows))
    units = select_units(gates, 16, (4096 - 256 - 6 * 32) / 4096)
    pruned = remove_closed(tiny, gates, units, EVERY)
    assert [(shape.heads, shape.neurons) for shape in pruned.shapes] == [(3, 26), (4, 32)]
    torch.testing.assert_close(pruned.logits(rows), logits)


def test_a_layer_without_sublayers_is_removed(tiny: Classifier, gates: ModelGates) -> None:
    every = list(range(32))
    assert len(remove_closed(tiny, gates, [[], [], [0, 2], [5]], EVERY).layers) == 1
    one_unit = remove_closed(tiny, gates, [[0, 1, 2, 3], [], [], every], EVERY)
    assert [(shape.heads, shape.neurons) for shape in one_unit.shapes] == [(4, 1), (1, 32)]


def states(*hidden: float) -> Activations:
    filled = tuple(torch.full((1, 2, 3), value) for value in (0.0, *hidden))
    mask = torch.tensor([[True, False]])
    return Activations(torch.zeros(1, 2), filled, (), (), (), mask)


def test_each_teacher_layer_is_compared_with_the_nearest_of_the_student() -> None:
    identity = torch.nn.Linear(3, 3, bias=False)
    torch.nn.init.eye_(identity.weight)
    # Of eight teacher layers, 2, 4, 6 and 8 are used.
    teacher = states(1, 2, 3, 4, 5, 6, 7, 8)
    assert layer_loss(states(8, 6, 4, 2), teacher, identity).item() == 0.0
    # 2 is nearest to 2 and 4, 7 to 6 and 8: 0 + 4 + 1 + 1.
    assert layer_loss(states(2, 7), teacher, identity).item() == pytest.approx(6.0)


def test_gates_of_useless_units_close(tiny: Classifier, context: PruningContext) -> None:
    for layer in tiny.layers:
        tiny.linear(layer, "down").weight.data[:, :16] *= 0.001
        tiny.linear(layer, "up").bias.data[16:] += 3
    reseed(0, "prune")
    pruned = L0(method="l0", keep_parameters=0.4, gate_epochs=20).prune(tiny, context)
    biases = torch.cat([pruned.linear(layer, "up").bias for layer in pruned.layers])
    assert 8 < len(biases) < 60
    assert float((biases > 1.5).float().mean()) > 0.7
