"""Rounding weights to k bits with the scale that loses least; one bit is the closed form.

For every k the scale s and the integers Q minimise ||W - s Q||^2. With k = 1, Q = sign(W) and
s = mean |W|: Rastegari et al. 2016, "XNOR-Net", equation 6.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Granularity = Literal["tensor", "channel"]
"""What has a scale of its own: a weight, or each of its output rows."""

_CLIP_RATIOS = tuple(2 ** (-step / 4) for step in range(25))
"""Of the largest magnitude, which the largest integer may stand for: from 1 down to 1/64."""


def largest_integer(bits: int) -> int:
    """Return how far integers of some bits reach to both sides of zero.

    Args:
        bits: From 1 to 8.

    Returns:
        2^(bits-1) - 1, or 1 where the integers are -1 and 1.
    """
    return max((1 << (bits - 1)) - 1, 1)


def round_weight(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    """Round a weight to integers; its gradient is zero, unless the caller passes it straight on.

    Args:
        weight: float32 of shape (out, in).
        scale: float32 that spreads over it, positive; not needed with 1 bit.
        bits: From 1 to 8. With one, zero becomes 1: there is no zero.

    Returns:
        Integers in float32, of the weight's shape.
    """
    if bits == 1:
        return torch.where(weight < 0, -1.0, 1.0)
    largest = largest_integer(bits)
    return torch.round(weight / scale).clamp(-largest, largest)


def least_squares_scale(weight: Tensor, integers: Tensor, per: Granularity) -> Tensor:
    """Return the scale that brings given integers nearest to a weight: <W, Q> / <Q, Q>.

    Args:
        weight: float32 of shape (out, in).
        integers: As `round_weight` returned them.
        per: What has a scale of its own.

    Returns:
        float32 of shape (out, 1) or (1, 1); 1 where all integers are zero.
    """
    products, squares = _sum(weight * integers, per), _sum(integers * integers, per)
    return torch.where(products > 0, products / squares.clamp(min=1), 1.0)


def best_scale(weight: Tensor, bits: int, per: Granularity) -> Tensor:
    """Search the scale whose rounding loses least of a weight, in squares.

    What integers Q explain of W is <W, Q>^2 / <Q, Q> at their fitted scale. Clipping the largest
    weights is tried down to 1/64 of them.

    Args:
        weight: float32 of shape (out, in).
        bits: From 1 to 8.
        per: What has a scale of its own.

    Returns:
        float32 of shape (out, 1) or (1, 1), positive; with 1 bit zero where all weights are.
    """
    if bits == 1:
        return weight.abs().mean(_reduced_dimensions(per), keepdim=True)
    largest = weight.abs().amax(_reduced_dimensions(per), keepdim=True)
    widest = torch.where(largest > 0, largest, 1.0) / largest_integer(bits)
    best, most = widest, torch.zeros_like(widest)
    for share in _CLIP_RATIOS:
        integers = round_weight(weight, widest * share, bits)
        products, squares = _sum(weight * integers, per), _sum(integers.square_(), per)
        explained = products.square() / squares.clamp(min=1)
        best = torch.where(explained > most, products / squares.clamp(min=1), best)
        most = torch.maximum(explained, most)
    return best


def quantize_weight(weight: Tensor, bits: int, per: Granularity) -> tuple[Tensor, Tensor]:
    """Round a weight to k bits.

    Args:
        weight: float32 of shape (out, in).
        bits: From 1 to 8.
        per: What has a scale of its own.

    Returns:
        int8 of shape (out, in) and float32 scales of shape (out, 1), all alike for a tensor.
    """
    scale = best_scale(weight, bits, per)
    integers = round_weight(weight, scale, bits).to(torch.int8)
    return integers, scale.expand(len(weight), 1).clone()


def _reduced_dimensions(per: Granularity) -> tuple[int, ...]:
    """Dimensions of a weight that share a scale."""
    return (1,) if per == "channel" else (0, 1)


def _sum(values: Tensor, per: Granularity) -> Tensor:
    return values.sum(_reduced_dimensions(per), keepdim=True)
