"""Rounding to eight bits with the arithmetic of ONNX Runtime."""

from __future__ import annotations

import torch
from torch import Tensor

LARGEST_ACTIVATION = 255


def quantize_rows(weight: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Round a weight to signed integers, one scale per row.

    Args:
        weight: float32 of shape (out, in).
        bits: 8 uses -127..127, 7 uses -63..63.

    Returns:
        int8 of shape (out, in) and float32 scales of shape (out, 1); a row of zeros has scale 1.
    """
    largest = 2 ** (bits - 1) - 1
    scale = _nonzero_scale(weight.abs().amax(1, keepdim=True) / largest)
    return _to_int8(weight / scale, largest), scale


def quantize_table(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round an embedding table to int8, one scale per column.

    A single scale would be determined by the few columns with outliers: on a trained MiniLM it
    changes the logits six times as much, for the same bytes and the same operators.

    Args:
        weight: float32 of shape (rows, width).

    Returns:
        int8 of the same shape and float32 scales of shape (width,).
    """
    scale = _nonzero_scale(weight.abs().amax(0) / 127)
    return _to_int8(weight / scale, 127), scale


def scale_and_zero_point(smallest: Tensor, largest: Tensor) -> tuple[Tensor, Tensor]:
    """Map 0..255 onto a range that is widened to include zero, as DynamicQuantizeLinear does.

    Args:
        smallest: float32 scalar.
        largest: float32 scalar.

    Returns:
        The scale, a float32 scalar, and the zero point, a uint8 scalar.
    """
    low = smallest.clamp(max=0)
    high = largest.clamp(min=0)
    scale = _nonzero_scale((high - low) / LARGEST_ACTIVATION)
    zero_point = torch.round(-low / scale).clamp(0, LARGEST_ACTIVATION)
    return scale, zero_point.to(torch.uint8)


def round_activation(activation: Tensor, scale: Tensor, zero_point: Tensor) -> Tensor:
    """Round an activation to one of 256 integers, ties to even.

    Args:
        activation: float32 of any shape.
        scale: float32 scalar.
        zero_point: uint8 scalar.

    Returns:
        The unsigned integers minus the zero point, in float32, of the same shape.
    """
    zero = int(zero_point)
    return torch.round_(activation / scale).clamp_(-zero, LARGEST_ACTIVATION - zero)


def _to_int8(steps: Tensor, largest: int) -> Tensor:
    return torch.round(steps).clamp(-largest, largest).to(torch.int8)


def _nonzero_scale(scale: Tensor) -> Tensor:
    """Replace a scale of zero by one, since values are divided by it."""
    return torch.where(scale > 0, scale, torch.ones_like(scale))
