"""Training a model and its gates together (Xia et al. 2022, "Structured Pruning Learns ...")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim import Adam

from coldpress.model import surgery
from coldpress.model.activations import Activations, TeacherStudentLoss
from coldpress.pruning.cofi.gates import (
    ModelGates,
    apply_gates,
    create_gates,
    expected_sparsity,
    lagrangian,
    select_units,
)
from coldpress.pruning.cofi.hard_concrete import deterministic_gates
from coldpress.pruning.cofi.width_gates import fold_width_gates, keep_dimensions, select_dimensions

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.method import TrainFunction
    from coldpress.training.loop import Loss

PREDICTION_WEIGHT = 0.5
"""lambda of section 3.2: the share of the loss of logits; the rest is that of the layers."""

GATE_LEARNING_RATE = 0.01
MIN_TRAVEL = 20.0
"""In short training, gates and multipliers move faster, so that they can move by this in all."""


def train_and_prune(
    classifier: Classifier, keep: float, epochs: int, train: TrainFunction
) -> Classifier:
    """Train gates towards a sparsity, and remove what they have closed.

    The target rises from 0 along a straight line and is reached after half of the steps.

    Args:
        classifier: The source, left as it is.
        keep: Share of the layers' matrices that stays at most.
        epochs: How long.
        train: Trains on all rows.

    Returns:
        A trained, smaller classifier.
    """
    pruned = classifier.copy()
    gates = create_gates(pruned)
    learning = _GateTraining(classifier, gates, 1 - keep)
    with apply_gates(pruned, gates):
        train(pruned, epochs, learning.step, learning.minimised)
    dimensions = select_dimensions(pruned, gates.hidden)
    return remove_closed(pruned, gates, select_units(gates, len(dimensions), keep), dimensions)


class _GateTraining:
    """What moves the gates beside the model: loss, multipliers and a target that rises."""

    def __init__(self, teacher: Classifier, gates: ModelGates, sparsity: float) -> None:
        self._teacher, self._gates, self._sparsity = teacher, gates, sparsity
        self._target, self._multipliers = 0.0, torch.zeros(2, requires_grad=True)
        self._optimizers = (
            Adam(gates.log_alphas, lr=GATE_LEARNING_RATE),
            Adam([self._multipliers], lr=GATE_LEARNING_RATE, maximize=True),
        )

    def minimised(self, loss: Loss) -> TeacherStudentLoss:
        width = len(self._gates.hidden)
        projection = nn.Linear(width, width, bias=False)
        nn.init.eye_(projection.weight)

        def total(fitted: Activations, teacher: Activations, rows: Tensor) -> Tensor:
            prediction = loss(fitted.logits.float(), rows)
            layers = layer_loss(fitted, teacher, projection)
            sparsity = expected_sparsity(self._gates)
            constraint = lagrangian(sparsity, self._target, self._multipliers).to(layers.device)
            return PREDICTION_WEIGHT * prediction + (1 - PREDICTION_WEIGHT) * layers + constraint

        return TeacherStudentLoss(self._teacher, total, nn.ModuleList([projection]))

    def step(self, done: int, total: int, _: float) -> None:
        for optimizer in self._optimizers:
            optimizer.param_groups[0]["lr"] = max(GATE_LEARNING_RATE, MIN_TRAVEL / total)
            optimizer.step()
            optimizer.zero_grad()
        self._target = self._sparsity * min(1.0, 2 * done / total)


def layer_loss(fitted: Activations, teacher: Activations, projection: nn.Linear) -> Tensor:
    """Section 3.2: the sum over teacher layers i of MSE(W H_s^m(i), H_t^i).

    Four teacher layers are taught, spread, the last among them; m(i) is the student's layer that is
    nearest to layer i at the moment.

    Args:
        fitted: The student's states.
        teacher: The source's.
        projection: W, from the identity on.

    Returns:
        A scalar.
    """
    real, layers = teacher.token_mask, len(teacher.hidden_states) - 1
    taught = sorted({-(-layers * quarter // 4) for quarter in range(1, 5)})
    given = [projection(state[real].float()) for state in fitted.hidden_states[1:]]
    errors = []
    for wanted in (teacher.hidden_states[i][real].float() for i in taught):
        far = [nn.functional.mse_loss(each.detach(), wanted) for each in given]
        # Only the nearest has a gradient: the others need not be gone through backward.
        nearest = given[int(torch.stack(far).argmin())]
        errors.append(nn.functional.mse_loss(nearest, wanted))
    return torch.stack(errors).sum()


def remove_closed(
    classifier: Classifier,
    gates: ModelGates,
    stay: Sequence[list[int]],
    dimensions: list[int],
) -> Classifier:
    """Multiply settled gates into the weights; take out what of units, layers and width is closed.

    Args:
        classifier: Trained with these gates; its weights are changed.
        gates: All of it.
        stay: Indices of the units that stay, a sublayer.
        dimensions: Those of the width that stay.

    Returns:
        A smaller classifier.
    """
    units = [at.gates(deterministic_gates).detach() for at in gates.sublayers]
    for at, gate in zip(gates.sublayers, units, strict=True):
        at.linear.weight.data *= gate.repeat_interleave(at.width).to(at.linear.weight.device)
    fold_width_gates(classifier, deterministic_gates(gates.hidden).detach())
    # A layer that loses both of its sublayers goes; one that loses one keeps a unit of it.
    pairs = [(stay[i], stay[i + 1]) for i in range(0, len(stay), 2)]
    left = [number for number, (heads, neurons) in enumerate(pairs) if heads or neurons] or [0]
    heads = [pairs[n][0] or [int(units[2 * n].argmax())] for n in left]
    neurons = [pairs[n][1] or [int(units[2 * n + 1].argmax())] for n in left]
    shorter = surgery.keep_layers(classifier, left)
    return keep_dimensions(
        surgery.keep_neurons(surgery.keep_heads(shorter, heads), neurons), dimensions
    )
