"""The gates of an encoder, and the parts that they keep (Xia et al. 2022, section 3.1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coldpress.model.classifier import Classifier
from coldpress.pruning.cofi.hard_concrete import (
    deterministic_gates,
    open_probability,
    sample_gates,
)
from coldpress.pruning.cofi.width_gates import apply_width_gates

INITIAL_CLOSED_PROBABILITY = 0.01
"""Probability that a gate is closed before training."""

INITIAL_WIDTH_LOG_ALPHA = 10.0
"""log alpha of hidden dimensions before training, as in the authors' code: all layers use them."""


@dataclass(frozen=True)
class GatedSublayer:
    """Attention or feed-forward of one layer, with a gate of its own and one for each unit.

    Attributes:
        linear: Sums the outputs of the units.
        unit_width: Features of a unit.
        unit_weights: Weights of a unit per hidden dimension.
        log_alpha: log alpha of the sublayer's gate, shape ().
        unit_log_alphas: log alpha of the units' gates, shape (units,).
    """

    linear: nn.Linear
    unit_width: int
    unit_weights: int
    log_alpha: Tensor
    unit_log_alphas: Tensor

    def gates(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Return z_sublayer * z_unit or, by another function, their probability to be open.

        Args:
            function: From log alpha to gates or to probabilities.

        Returns:
            Shape (units,).
        """
        return function(self.log_alpha) * function(self.unit_log_alphas)


@dataclass(frozen=True)
class ModelGates:
    """All gates of a model.

    Attributes:
        sublayers: Attention, then feed-forward, layer by layer.
        width_log_alphas: log alpha of the hidden dimensions' gates, shape (width,).
    """

    sublayers: tuple[GatedSublayer, ...]
    width_log_alphas: Tensor

    @property
    def log_alphas(self) -> list[Tensor]:
        """All trainable parameters."""
        parameters = [self.width_log_alphas]
        for sublayer in self.sublayers:
            parameters += [sublayer.log_alpha, sublayer.unit_log_alphas]
        return parameters

    @property
    def weight_count(self) -> int:
        """Number of weights in the layers' matrices."""
        return len(self.width_log_alphas) * sum(
            sublayer.unit_weights * len(sublayer.unit_log_alphas) for sublayer in self.sublayers
        )


def create_gates(classifier: Classifier) -> ModelGates:
    """Create a gate for every sublayer, head, neuron and hidden dimension.

    Args:
        classifier: Not changed.

    Returns:
        Gates that are almost certainly open.
    """
    sublayers = []
    for layer in classifier.layers:
        for role, width, matrices in (
            ("attention_output", classifier.head_size, 4),
            ("down", 1, 1 + len(classifier.architecture.up_roles)),
        ):
            linear = classifier.linear(layer, role)
            sublayer = GatedSublayer(
                linear,
                width,
                matrices * width,
                _initial_log_alpha(()),
                _initial_log_alpha((linear.in_features // width,)),
            )
            sublayers.append(sublayer)
    shape = (int(classifier.config.hidden_size),)
    width_log_alphas = torch.full(shape, INITIAL_WIDTH_LOG_ALPHA, requires_grad=True)
    return ModelGates(tuple(sublayers), width_log_alphas)


def _initial_log_alpha(shape: tuple[int, ...]) -> Tensor:
    value = math.log((1 - INITIAL_CLOSED_PROBABILITY) / INITIAL_CLOSED_PROBABILITY)
    return torch.full(shape, value, requires_grad=True)


def expected_sparsity(gates: ModelGates) -> Tensor:
    """Equation 2: the share of the weights that is expected to be removed.

    Args:
        gates: All gates of a model.

    Returns:
        A scalar, differentiable with respect to the log alphas.
    """
    units = [
        sublayer.unit_weights * sublayer.gates(open_probability).sum()
        for sublayer in gates.sublayers
    ]
    remaining = torch.stack(units).sum() * open_probability(gates.width_log_alphas).sum()
    return 1 - remaining / gates.weight_count


def lagrangian(sparsity: Tensor, target: float, multipliers: Tensor) -> Tensor:
    """lambda_1 (s - t) + lambda_2 (s - t)^2.

    Args:
        sparsity: s, a scalar.
        target: t.
        multipliers: lambda_1 and lambda_2, trained by gradient ascent.

    Returns:
        A scalar.
    """
    difference = sparsity - target
    return multipliers[0] * difference + multipliers[1] * difference.square()


@contextmanager
def apply_gates(classifier: Classifier, gates: ModelGates) -> Iterator[None]:
    """Multiply units and hidden dimensions by their gates.

    Gates are sampled for each forward pass in training mode, and deterministic otherwise.

    Args:
        classifier: Computes with gates inside the context.
        gates: All gates of this model.
    """
    current: list[Tensor] = []

    def compute_gates(module: nn.Module, _: tuple[Tensor, ...]) -> None:
        function = sample_gates if module.training else deterministic_gates
        current[:] = [sublayer.gates(function) for sublayer in gates.sublayers]
        current.append(function(gates.width_log_alphas))

    def unit_hook(number: int) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Tensor, ...]]:
        width = gates.sublayers[number].unit_width

        def multiply(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            unit_gates = current[number].repeat_interleave(width)
            return (inputs[0] * unit_gates.to(inputs[0].device),)

        return multiply

    with ExitStack() as hooks:
        hooks.callback(classifier.module.register_forward_pre_hook(compute_gates).remove)
        for number, sublayer in enumerate(gates.sublayers):
            hook = sublayer.linear.register_forward_pre_hook(unit_hook(number))
            hooks.callback(hook.remove)
        hooks.enter_context(apply_width_gates(classifier, lambda: current[-1]))
        yield


def select_units(gates: ModelGates, width: int, keep: float) -> list[list[int]]:
    """Select the units that are most likely open, within a budget of weights.

    Args:
        gates: All gates of a model.
        width: Number of hidden dimensions to keep.
        keep: Largest share of the weights to keep.

    Returns:
        Ascending indices of each sublayer, possibly none. No selected unit has a closed gate.
    """
    sublayers = gates.sublayers
    budget = keep * gates.weight_count + 1e-6
    ranked = sorted(
        (-score, number, unit)
        for number, sublayer in enumerate(sublayers)
        for unit, (score, gate) in enumerate(zip(*_score_units(sublayer), strict=True))
        if gate > 0
    )
    selected: list[list[int]] = [[] for _ in sublayers]
    for _, number, unit in ranked:
        cost = sublayers[number].unit_weights * width
        if cost <= budget:
            budget -= cost
            selected[number].append(unit)
    return [sorted(units) for units in selected]


def _score_units(sublayer: GatedSublayer) -> tuple[list[float], list[float]]:
    """Return the probabilities that units are open, and their deterministic gates."""
    return (
        sublayer.gates(open_probability).tolist(),
        sublayer.gates(deterministic_gates).tolist(),
    )
