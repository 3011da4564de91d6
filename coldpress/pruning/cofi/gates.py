"""The gates of an encoder, and what of it they let stay (Xia et al. 2022, section 3.1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coldpress.model.classifier import Classifier
from coldpress.pruning.cofi.hard_concrete import deterministic_gates, open_probability, sample_gates
from coldpress.pruning.cofi.width_gates import apply_width_gates

INITIAL_CLOSED_PROBABILITY = 0.01
"""Probability that a gate is closed before it has learnt anything."""

INITIAL_WIDTH_LOG_ALPHA = 10.0
"""log alpha of the hidden dimensions then, as in the authors' program: every layer needs them."""


@dataclass(frozen=True)
class GatedSublayer:
    """Attention or feed-forward of one layer: a gate of its own, and one for each unit.

    Attributes:
        linear: Sums the outputs of the units.
        width: Features of a unit.
        price: Weights of a unit, a hidden dimension.
        whole: log alpha of the sublayer's gate, shape ().
        units: log alpha of the units' gates, shape (units,).
    """

    linear: nn.Linear
    width: int
    price: int
    whole: Tensor
    units: Tensor

    def gates(self, kind: Callable[[Tensor], Tensor]) -> Tensor:
        """Return z_sublayer * z_unit, or the probability that it is not zero, shape (units,)."""
        return kind(self.whole) * kind(self.units)


@dataclass(frozen=True)
class ModelGates:
    """All gates of a model.

    Attributes:
        sublayers: Attention, then feed-forward, layer by layer.
        hidden: log alpha of the hidden dimensions' gates, shape (width,).
    """

    sublayers: tuple[GatedSublayer, ...]
    hidden: Tensor

    @property
    def log_alphas(self) -> list[Tensor]:
        """What is learnt."""
        return [self.hidden, *(each for at in self.sublayers for each in (at.whole, at.units))]

    @property
    def weights(self) -> int:
        """How many weights the layers' matrices have."""
        return len(self.hidden) * sum(at.price * len(at.units) for at in self.sublayers)


def create_gates(classifier: Classifier) -> ModelGates:
    """Put a gate on every sublayer, head, neuron and hidden dimension.

    Args:
        classifier: Left as it is.

    Returns:
        Gates that are open, or as good as.
    """
    made = []
    for layer in classifier.layers:
        for role, width, matrices in (
            ("attention_output", classifier.head_size, 4),
            ("down", 1, 1 + len(classifier.architecture.up_roles)),
        ):
            linear = classifier.linear(layer, role)
            units = linear.in_features // width
            at = GatedSublayer(
                linear,
                width,
                matrices * width,
                _initial_log_alpha(()),
                _initial_log_alpha((units,)),
            )
            made.append(at)
    dimensions = int(classifier.config.hidden_size)
    return ModelGates(
        tuple(made), torch.full((dimensions,), INITIAL_WIDTH_LOG_ALPHA, requires_grad=True)
    )


def _initial_log_alpha(shape: tuple[int, ...]) -> Tensor:
    start = math.log((1 - INITIAL_CLOSED_PROBABILITY) / INITIAL_CLOSED_PROBABILITY)
    return torch.full(shape, start, requires_grad=True)


def expected_sparsity(gates: ModelGates) -> Tensor:
    """Equation 2: the share of the weights that is expected to go.

    Args:
        gates: All of a model.

    Returns:
        A scalar that log alphas get gradients from.
    """
    units = [at.price * at.gates(open_probability).sum() for at in gates.sublayers]
    stay = torch.stack(units).sum() * open_probability(gates.hidden).sum()
    return 1 - stay / gates.weights


def lagrangian(sparsity: Tensor, target: float, multipliers: Tensor) -> Tensor:
    """lambda_1 (s - t) + lambda_2 (s - t)^2.

    Args:
        sparsity: s, a scalar.
        target: t.
        multipliers: lambda_1 and lambda_2, which ascend.

    Returns:
        A scalar.
    """
    apart = sparsity - target
    return multipliers[0] * apart + multipliers[1] * apart.square()


@contextmanager
def apply_gates(classifier: Classifier, gates: ModelGates) -> Iterator[None]:
    """Let gates weigh units and dimensions: newly drawn for each step of training, else settled.

    Args:
        classifier: Computes with gates inside of the context.
        gates: All of it.
    """
    now: list[Tensor] = []

    def choose(module: nn.Module, _: tuple[Tensor, ...]) -> None:
        kind = sample_gates if module.training else deterministic_gates
        now[:] = [*(at.gates(kind) for at in gates.sublayers), kind(gates.hidden)]

    def weigh(number: int) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Tensor, ...]]:
        width = gates.sublayers[number].width
        return lambda _, given: (
            given[0] * now[number].repeat_interleave(width).to(given[0].device),
        )

    with ExitStack() as hooks:
        hooks.callback(classifier.module.register_forward_pre_hook(choose).remove)
        for number, at in enumerate(gates.sublayers):
            hooks.callback(at.linear.register_forward_pre_hook(weigh(number)).remove)
        hooks.enter_context(apply_width_gates(classifier, lambda: now[-1]))
        yield


def select_units(gates: ModelGates, width: int, keep: float) -> list[list[int]]:
    """Keep the units that are likeliest open, as many as the budget pays for.

    Args:
        gates: All of a model.
        width: How many hidden dimensions stay.
        keep: Share of the weights that stays at most.

    Returns:
        Indices a sublayer, ascending; perhaps none. None of them has a closed gate.
    """
    sublayers = gates.sublayers
    budget = keep * gates.weights + 1e-6
    ranked = sorted(
        (-score, number, unit)
        for number, at in enumerate(sublayers)
        for unit, (score, gate) in enumerate(zip(*_score_units(at), strict=True))
        if gate > 0
    )
    stay: list[list[int]] = [[] for _ in sublayers]
    for _, number, unit in ranked:
        price = sublayers[number].price * width
        if price <= budget:
            budget -= price
            stay[number].append(unit)
    return [sorted(units) for units in stay]


def _score_units(at: GatedSublayer) -> tuple[list[float], list[float]]:
    """Probabilities that units are open, and their settled gates."""
    return at.gates(open_probability).tolist(), at.gates(deterministic_gates).tolist()
