"""A linear module with the integer arithmetic of ONNX Runtime."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coldpress.quantization.core.int8 import round_activation, scale_and_zero_point
from coldpress.quantization.core.packing import BYTE_BITS


class QuantizedLinear(nn.Module):
    """A linear module with signed integer weights and uint8 activations.

    Unless it is calibrated, its activation range is that of the whole input tensor, including
    padding. Products are summed in float32, which is exact as long as the sums stay below 2^24.

    Attributes:
        weight: int8 of shape (out, in).
        scale: float32 of shape (out, 1).
        bias: float32 of shape (out,).
        activation_scale: float32 scalar, or None if the range is measured in each call.
        activation_zero_point: uint8 scalar, or None if the range is measured in each call.
        input_scale: float32 of shape (in,) by which the activation is multiplied before rounding,
            or None.
        activation_shift: float32 of shape (in,) subtracted from the activation before rounding, or
            None.
        activation_largest: uint8 scalar at which the rounded activation is clipped, or None.
        first_token: Measure the range on the first token only, because the exported graph computes
            no other token there.
        bits: Bits of a weight; fewer than 8 are packed in files.
    """

    activation_scale: Tensor | None
    activation_zero_point: Tensor | None
    input_scale: Tensor | None
    activation_shift: Tensor | None
    activation_largest: Tensor | None
    scale: Tensor

    def __init__(
        self,
        out_features: int,
        in_features: int,
        *,
        calibrated: bool,
        smoothed: bool = False,
        elastic: bool = False,
        bits: int = BYTE_BITS,
    ) -> None:
        super().__init__()
        self.out_features = out_features
        self.in_features = in_features
        self.bits = bits
        self.first_token = False
        integers = torch.zeros(out_features, in_features, dtype=torch.int8)
        self.weight = nn.Parameter(integers, requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(out_features), requires_grad=False)
        self.register_buffer("scale", torch.ones(out_features, 1))
        zero = torch.zeros((), dtype=torch.uint8)
        self.register_buffer("activation_scale", torch.ones(()) if calibrated else None)
        self.register_buffer("activation_zero_point", zero if calibrated else None)
        self.register_buffer("input_scale", torch.ones(in_features) if smoothed else None)
        self.register_buffer("activation_shift", torch.zeros(in_features) if elastic else None)
        self.register_buffer("activation_largest", zero.clone() if elastic else None)

    def activation_parameters(self, activation: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scale and zero point for an activation.

        Args:
            activation: float32 of shape (batch, tokens, in) or (batch, in).

        Returns:
            The calibrated ones, or those of the activation's own range.
        """
        if self.activation_scale is not None and self.activation_zero_point is not None:
            return self.activation_scale, self.activation_zero_point
        tokens = observed_tokens(activation, first_token=self.first_token)
        return scale_and_zero_point(tokens.amin(), tokens.amax())

    def forward(self, activation: Tensor) -> Tensor:
        """Round the activation, multiply integers, scale the sums and add the bias.

        Args:
            activation: float32 of shape (..., in).

        Returns:
            float32 of shape (..., out).
        """
        if self.input_scale is not None:
            activation = activation * self.input_scale
        if self.activation_shift is not None:
            activation = activation - self.activation_shift
        scale, zero_point = self.activation_parameters(activation)
        integers = round_activation(activation, scale, zero_point)
        if self.activation_largest is not None:
            integers = integers.clamp_(max=float(self.activation_largest))
        sums = nn.functional.linear(integers, self.weight.float())
        return sums.mul_(scale * self.scale.squeeze(1)).add_(self.bias)


def observed_tokens(activation: Tensor, *, first_token: bool) -> Tensor:
    """Return the tokens of an activation on which its range is measured.

    Args:
        activation: Shape (batch, tokens, in), or (batch, in) after the first token was selected.
        first_token: Whether the exported graph computes only the first token.

    Returns:
        The activation, or its first tokens, of shape (batch, 1, in).
    """
    return activation[:, :1] if first_token and activation.dim() == 3 else activation
