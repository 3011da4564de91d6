"""Rounding with straight-through gradients.

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
    """Return rounded values whose gradient passes to the exact values.

    Args:
        exact: Any tensor.
        rounded: Of the same shape.

    Returns:
        Bit for bit the rounded values; their gradient becomes the gradient of `exact`.
    """
    return _straight_through(exact, rounded) if torch.is_grad_enabled() else rounded


def round_weight_straight_through(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    """Round a weight to integers q with straight-through gradients.

    Args:
        weight: float32 of shape (out, in).
        scale: s, float32 of shape (out, 1) or (1, 1).
        bits: From 1 to 8.

    Returns:
        Integers in float32. dq/dw = 1/s and dq/ds = -w/s^2 where q is not clipped, and 0 where it
        is; s q then has the gradients of Esser et al. 2020, "Learned Step Size Quantization",
        equations 3 and 5. With 1 bit nothing is clipped.
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
    """Uses few passes over the weights, since these take most of a training step's time."""

    @staticmethod
    def forward(context: Any, weight: Tensor, scale: Tensor, bits: int) -> Tensor:  # noqa: ANN401
        context.save_for_backward(weight, scale)
        context.bits = bits
        return round_weight(weight, scale, bits)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None]:  # noqa: ANN401
        weight, scale = context.saved_tensors
        weight_gradient = gradient / scale
        if context.bits > 1:
            clipped = weight.abs() > largest_integer(context.bits) * scale
            weight_gradient.masked_fill_(clipped, 0.0)
        if not context.needs_input_grad[1]:
            return weight_gradient, None, None
        scale_gradient = torch.einsum("oi,oi->o", weight_gradient, weight)[:, None].div_(-scale)
        return weight_gradient, scale_gradient.sum_to_size(scale.shape), None


_straight_through = cast("Callable[[Tensor, Tensor], Tensor]", _StraightThrough.apply)
_rounded_weight = cast("Callable[[Tensor, Tensor, int], Tensor]", _RoundedWeight.apply)
