"""Rounding that gradients pass through as if nothing had been rounded.

The straight-through estimator of Bengio, Leonard & Courville 2013, "Estimating or Propagating
Gradients Through Stochastic Neurons for Conditional Computation".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function

from coldpress.quantization.core.kbit import largest_integer, round_weight


def straight_through(exact: Tensor, rounded: Tensor) -> Tensor:
    """Go on with rounded values, and let their gradient arrive at the exact ones.

    Args:
        exact: Any tensor.
        rounded: Of the same shape, bit by bit what is returned.

    Returns:
        The rounded values; dL/d exact is dL/d of what is returned.
    """
    return _straight_through(exact, rounded) if torch.is_grad_enabled() else rounded


def round_weight_straight_through(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    """Round a weight to integers q that gradients pass through.

    Args:
        weight: float32 of shape (out, in).
        scale: s, float32 of shape (out, 1) or (1, 1).
        bits: From 1 to 8.

    Returns:
        Integers in float32. dq/dw = 1/s and dq/ds = -w/s^2 where nothing is clipped, and 0 where
        something is; s q then has the gradients of Esser et al. 2020, "Learned Step Size
        Quantization", equations 3 and 5. With 1 bit nothing is clipped.
    """
    return _rounded_weight(weight, scale, bits)


class _StraightThrough(Function):
    @staticmethod
    def forward(_: Any, exact: Tensor, rounded: Tensor) -> Tensor:  # noqa: ANN401, ARG004
        return rounded.view_as(rounded)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return gradient, None


class _RoundedWeight(Function):
    """As few passes over the weights as there can be: they take most of a step's time."""

    @staticmethod
    def forward(context: Any, weight: Tensor, scale: Tensor, bits: int) -> Tensor:  # noqa: ANN401
        context.save_for_backward(weight, scale)
        context.bits = bits
        return round_weight(weight, scale, bits)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None]:  # noqa: ANN401
        weight, scale = context.saved_tensors
        passed = gradient / scale
        if context.bits > 1:
            passed.masked_fill_(weight.abs() > largest_integer(context.bits) * scale, 0.0)
        if not context.needs_input_grad[1]:
            return passed, None, None
        of_scale = torch.einsum("oi,oi->o", passed, weight)[:, None].div_(-scale)
        return passed, of_scale.sum_to_size(scale.shape), None


_straight_through = cast("Callable[[Tensor, Tensor], Tensor]", _StraightThrough.apply)
_rounded_weight = cast("Callable[[Tensor, Tensor, int], Tensor]", _RoundedWeight.apply)
