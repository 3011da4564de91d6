"""Joint training of a model and its gates (Xia et al. 2022, "Structured Pruning Learns ...")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim import Adam

from coldpress import ranks
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
from coldpress.pruning.cofi.width_gates import (
    fold_width_gates,
    keep_dimensions,
    select_dimensions,
)

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.method import TrainFunction
    from coldpress.training.step import Loss

PREDICTION_WEIGHT = 0.5
"""lambda of section 3.2: weight of the loss of the logits; that of the layers has the rest."""

GATE_LEARNING_RATE = 0.01
MIN_TRAVEL = 20.0
"""Gates and multipliers must be able to move by this much in all: short training is faster."""


def train_and_prune(
    classifier: Classifier, keep: float, epochs: int, train: TrainFunction
) -> Classifier:
    """Train gates towards a target sparsity, and remove everything whose gate is closed.

    The target rises linearly from 0 and is reached after half of the steps.

    Args:
        classifier: The source; not changed.
        keep: Largest share of the layers' weights to keep.
        epochs: Epochs of training.
        train: Trains on all rows.

    Returns:
        A trained, smaller classifier.
    """
    pruned = classifier.copy()
    gates = create_gates(pruned)
    training = _GateTraining(classifier, gates, 1 - keep)
    with apply_gates(pruned, gates):
        train(pruned, epochs, training.step, training.adapt_loss)
    dimensions = select_dimensions(pruned, gates.width_log_alphas)
    return remove_closed(pruned, gates, select_units(gates, len(dimensions), keep), dimensions)


class _GateTraining:
    """The loss and the optimizers of the gates, with a target sparsity that rises."""

    def __init__(self, teacher: Classifier, gates: ModelGates, sparsity: float) -> None:
        self._teacher = teacher
        self._gates = gates
        self._sparsity = sparsity
        self._target = 0.0
        self._multipliers = torch.zeros(2, requires_grad=True)
        self._optimizers = (
            Adam(gates.log_alphas, lr=GATE_LEARNING_RATE),
            Adam([self._multipliers], lr=GATE_LEARNING_RATE, maximize=True),
        )

    def adapt_loss(self, loss: Loss) -> TeacherStudentLoss:
        width = len(self._gates.width_log_alphas)
        projection = nn.Linear(width, width, bias=False)
        nn.init.eye_(projection.weight)

        def total(student: Activations, teacher: Activations, rows: Tensor) -> Tensor:
            prediction = loss(student.logits.float(), rows)
            layers = layer_loss(student, teacher, projection)
            sparsity = expected_sparsity(self._gates)
            constraint = lagrangian(sparsity, self._target, self._multipliers).to(layers.device)
            return PREDICTION_WEIGHT * prediction + (1 - PREDICTION_WEIGHT) * layers + constraint

        return TeacherStudentLoss(self._teacher, total, nn.ModuleList([projection]))

    def step(self, step: int, steps: int, _: float) -> None:
        ranks.average_gradients([*self._gates.log_alphas, self._multipliers])
        for optimizer in self._optimizers:
            optimizer.param_groups[0]["lr"] = max(GATE_LEARNING_RATE, MIN_TRAVEL / steps)
            optimizer.step()
            optimizer.zero_grad()
        self._target = self._sparsity * min(1.0, 2 * step / steps)


def layer_loss(student: Activations, teacher: Activations, projection: nn.Linear) -> Tensor:
    """Section 3.2: the sum over teacher layers i of MSE(W H_s^m(i), H_t^i).

    Four teacher layers are used, evenly spaced, the last among them. m(i) is the student's layer
    that is currently nearest to layer i.

    Args:
        student: Activations of the model with gates.
        teacher: Activations of the source.
        projection: W, initially the identity.

    Returns:
        A scalar.
    """
    mask = teacher.token_mask
    layers = len(teacher.hidden_states) - 1
    teacher_layers = sorted({-(-layers * quarter // 4) for quarter in range(1, 5)})
    projected = [projection(state[mask].float()) for state in student.hidden_states[1:]]
    errors = []
    for layer in teacher_layers:
        target = teacher.hidden_states[layer][mask].float()
        distances = [nn.functional.mse_loss(state.detach(), target) for state in projected]
        # Only the nearest layer needs a gradient.
        nearest = projected[int(torch.stack(distances).argmin())]
        errors.append(nn.functional.mse_loss(nearest, target))
    return torch.stack(errors).sum()


def remove_closed(
    classifier: Classifier,
    gates: ModelGates,
    units: Sequence[list[int]],
    dimensions: list[int],
) -> Classifier:
    """Multiply the gates into the weights and remove the units, layers and dimensions not kept.

    Args:
        classifier: Trained with these gates; its weights are changed.
        gates: All gates of this model.
        units: Indices of the units to keep, for each sublayer.
        dimensions: Indices of the hidden dimensions to keep.

    Returns:
        A smaller classifier.
    """
    unit_gates = [sublayer.gates(deterministic_gates).detach() for sublayer in gates.sublayers]
    for sublayer, gate in zip(gates.sublayers, unit_gates, strict=True):
        columns = gate.repeat_interleave(sublayer.unit_width)
        sublayer.linear.weight.data *= columns.to(sublayer.linear.weight.device)
    fold_width_gates(classifier, deterministic_gates(gates.width_log_alphas).detach())
    # A layer that loses both sublayers is removed; one that loses one keeps its best unit.
    pairs = [(units[i], units[i + 1]) for i in range(0, len(units), 2)]
    layers = [number for number, (heads, neurons) in enumerate(pairs) if heads or neurons] or [0]
    heads = [pairs[n][0] or [int(unit_gates[2 * n].argmax())] for n in layers]
    neurons = [pairs[n][1] or [int(unit_gates[2 * n + 1].argmax())] for n in layers]
    pruned = surgery.keep_layers(classifier, layers)
    pruned = surgery.keep_neurons(surgery.keep_heads(pruned, heads), neurons)
    return keep_dimensions(pruned, dimensions)
