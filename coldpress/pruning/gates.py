"""The gates of an encoder, and what of it they let stay (Xia et al. 2022, section 3.1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coldpress.model import Classifier
from coldpress.pruning.hard_concrete import drawn, open_probability, settled

CLOSED_AT_FIRST = 0.01
"""Probability that a gate is closed before it has learnt anything."""


@dataclass(frozen=True)
class Sublayer:
    """Attention or feed-forward of one layer: a gate of its own, and one for each unit.

    Attributes:
        linear: Sums the outputs of the units.
        width: Features of a unit.
        price: Weights of a unit.
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


def sublayers(classifier: Classifier) -> list[Sublayer]:
    """Put a gate on every sublayer, head and neuron.

    Args:
        classifier: Left as it is.

    Returns:
        Attention, then feed-forward, layer by layer.
    """
    made = []
    for layer in classifier.layers:
        for role, width, matrices in (
            ("attention_output", classifier.head_size, 4),
            ("down", 1, 1 + len(classifier.architecture.raising)),
        ):
            linear = classifier.linear(layer, role)
            units = linear.in_features // width
            price = matrices * linear.out_features * width
            made.append(Sublayer(linear, width, price, _log_alpha(()), _log_alpha((units,))))
    return made


def _log_alpha(shape: tuple[int, ...]) -> Tensor:
    start = math.log((1 - CLOSED_AT_FIRST) / CLOSED_AT_FIRST)
    return torch.full(shape, start, requires_grad=True)


def expected_sparsity(gated: Sequence[Sublayer]) -> Tensor:
    """Equation 2, without hidden dimensions: the share of the weights that is expected to go.

    Args:
        gated: All of a model.

    Returns:
        A scalar that log alphas get gradients from.
    """
    every = sum(at.price * len(at.units) for at in gated)
    stay = torch.stack([at.price * at.gates(open_probability).sum() for at in gated]).sum()
    return 1 - stay / every


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
def gating(module: nn.Module, gated: Sequence[Sublayer]) -> Iterator[None]:
    """Let gates weigh what units put out: newly drawn for each step of training, else settled.

    Args:
        module: The whole model.
        gated: All of it.
    """
    now: list[Tensor] = []

    def choose(module: nn.Module, _: tuple[Tensor, ...]) -> None:
        now[:] = [at.gates(drawn if module.training else settled) for at in gated]

    def weigh(number: int) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Tensor, ...]]:
        width = gated[number].width
        return lambda _, given: (
            given[0] * now[number].repeat_interleave(width).to(given[0].device),
        )

    with ExitStack() as hooks:
        hooks.callback(module.register_forward_pre_hook(choose).remove)
        for number, at in enumerate(gated):
            hooks.callback(at.linear.register_forward_pre_hook(weigh(number)).remove)
        yield


def staying(gated: Sequence[Sublayer], keep: float) -> list[list[int]]:
    """Keep the units that are likeliest open, as many as the budget pays for.

    Args:
        gated: All of a model.
        keep: Share of the weights that stays at most.

    Returns:
        Indices a sublayer, ascending; perhaps none.
    """
    budget = keep * sum(at.price * len(at.units) for at in gated) + 1e-6
    ranked = sorted(
        (-float(score), number, unit)
        for number, at in enumerate(gated)
        for unit, score in enumerate(at.gates(open_probability).detach())
    )
    stay: list[list[int]] = [[] for _ in gated]
    for _, number, unit in ranked:
        if gated[number].price <= budget:
            budget -= gated[number].price
            stay[number].append(unit)
    return [sorted(units) for units in stay]
