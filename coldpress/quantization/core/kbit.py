"""Rounding weights to k bits with the scale of least squared error; closed form for one bit.

For every k the scale s and the integers Q minimise ||W - s Q||^2. With k = 1, Q = sign(W) and
s = mean |W|: Rastegari et al. 2016, "XNOR-Net", equation 6.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Granularity = Literal["tensor", "channel"]
"""One scale per weight matrix, or one per output row."""

_CLIP_RATIOS = tuple(2 ** (-step / 4) for step in range(25))
"""Shares of the largest magnitude at which weights are clipped: from 1 down to 1/64."""


def largest_integer(bits: int) -> int:
    """Return the largest magnitude of a symmetric integer of some bits.

    Args:
        bits: From 1 to 8.

    Returns:
        2^(bits-1) - 1; with 1 bit 1, since the integers are -1 and 1.
    """
    return max((1 << (bits - 1)) - 1, 1)


def round_weight(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    """Round a weight to integers; the gradient is zero unless the caller uses straight-through.

    Args:
        weight: float32 of shape (out, in).
        scale: float32 that broadcasts to the weight, positive; not used with 1 bit.
        bits: From 1 to 8. With 1 there is no zero: a weight of zero becomes 1.

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
        integers: Of `round_weight`, of the same shape.
        per: One scale per output row or per weight.

    Returns:
        float32 of shape (out, 1) or (1, 1); 1 where all integers are zero.
    """
    products = _sum(weight * integers, per)
    squares = _sum(integers * integers, per)
    return torch.where(products > 0, products / squares.clamp(min=1), 1.0)


def best_scale(weight: Tensor, bits: int, per: Granularity) -> Tensor:
    """Search the scale with the least squared rounding error.

    Integers Q explain <W, Q>^2 / <Q, Q> of W at their least-squares scale. Clipping is tried from
    the largest magnitude down to 1/64 of it.

    Args:
        weight: float32 of shape (out, in).
        bits: From 1 to 8.
        per: One scale per output row or per weight.

    Returns:
        float32 of shape (out, 1) or (1, 1), positive; with 1 bit, zero where all weights are zero.
    """
    if bits == 1:
        return weight.abs().mean(_reduced_dimensions(per), keepdim=True)
    largest = weight.abs().amax(_reduced_dimensions(per), keepdim=True)
    widest = torch.where(largest > 0, largest, 1.0) / largest_integer(bits)
    best = widest
    most = torch.zeros_like(widest)
    for ratio in _CLIP_RATIOS:
        integers = round_weight(weight, widest * ratio, bits)
        products = _sum(weight * integers, per)
        squares = _sum(integers.square_(), per)
        explained = products.square() / squares.clamp(min=1)
        best = torch.where(explained > most, products / squares.clamp(min=1), best)
        most = torch.maximum(explained, most)
    return best


def quantize_weight(weight: Tensor, bits: int, per: Granularity) -> tuple[Tensor, Tensor]:
    """Round a weight to k bits.

    Args:
        weight: float32 of shape (out, in).
        bits: From 1 to 8.
        per: One scale per output row or per weight.

    Returns:
        int8 of shape (out, in) and float32 scales of shape (out, 1); per tensor they are all equal.
    """
    scale = best_scale(weight, bits, per)
    integers = round_weight(weight, scale, bits).to(torch.int8)
    return integers, scale.expand(len(weight), 1).clone()


def _reduced_dimensions(per: Granularity) -> tuple[int, ...]:
    """Return the dimensions of a weight that share a scale."""
    return (1,) if per == "channel" else (0, 1)


def _sum(values: Tensor, per: Granularity) -> Tensor:
    return values.sum(_reduced_dimensions(per), keepdim=True)
