"""Torch modules that compute with integers what ONNX Runtime will compute with them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coldpress.quantization.core.int8 import round_activation, scale_and_zero_point
from coldpress.quantization.core.packing import BYTE_BITS


class SmoothedLinear(nn.Linear):
    """A linear module in float32 whose input is multiplied, channel by channel, first.

    Attributes:
        input_scale: float32 of shape (in,).
    """

    input_scale: Tensor

    @classmethod
    def of(cls, linear: nn.Linear, input_scale: Tensor) -> SmoothedLinear:
        """Give a linear module's weight and bias an input scale.

        Args:
            linear: Its parameters are shared.
            input_scale: Shape (in,).

        Returns:
            The module.
        """
        made = cls(linear.in_features, linear.out_features, device="meta")
        made.weight, made.bias = linear.weight, linear.bias
        made.register_buffer("input_scale", input_scale)
        return made

    def forward(self, activation: Tensor) -> Tensor:
        """Multiply, then map.

        Args:
            activation: float32 of shape (..., in).

        Returns:
            float32 of shape (..., out).
        """
        return super().forward(activation * self.input_scale)


class QuantizedLinear(nn.Module):
    """A linear module with signed integer weights and activations rounded to unsigned bytes.

    Its activation range is that of the whole tensor that arrives, padding included, unless it was
    calibrated. Products are summed in float32, which is exact as long as the sums stay below 2^24.

    Attributes:
        weight: int8 of shape (out, in).
        scale: float32 of shape (out, 1).
        bias: float32 of shape (out,).
        activation_scale: float32 scalar, or None where the range is measured in each call.
        activation_zero_point: uint8 scalar, or None likewise.
        input_scale: float32 of shape (in,) that the activation is multiplied by before it is
            rounded, or None.
        activation_shift: float32 of shape (in,) that is subtracted before, or None.
        activation_largest: uint8 scalar at which the rounded activation ends, or None.
        first_token: Measure the range on the first token alone, as the exported graph computes
            nothing else there.
        bits: How many each weight takes in files, where fewer than 8 are packed.
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
        self.out_features, self.in_features = out_features, in_features
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

    def activation_step(self, activation: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scale and zero point for an activation.

        Args:
            activation: float32 of shape (batch, tokens, in) or (batch, in).

        Returns:
            The calibrated ones, or those of the range that the activation spans.
        """
        if self.activation_scale is not None and self.activation_zero_point is not None:
            return self.activation_scale, self.activation_zero_point
        seen = observed_tokens(activation, first_token=self.first_token)
        return scale_and_zero_point(seen.amin(), seen.amax())

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
        step, zero_point = self.activation_step(activation)
        integers = round_activation(activation, step, zero_point)
        if self.activation_largest is not None:
            integers = integers.clamp_(max=float(self.activation_largest))
        sums = nn.functional.linear(integers, self.weight.float())
        return sums.mul_(step * self.scale.squeeze(1)).add_(self.bias)


class QuantizedEmbedding(nn.Module):
    """An embedding table of signed bytes with one scale a column.

    Attributes:
        weight: int8 of shape (rows, width).
        scale: float32 of shape (width,).
        bits: How many each integer takes in files, where fewer than 8 are packed.
    """

    scale: Tensor

    def __init__(self, num_embeddings: int, embedding_dim: int, *, bits: int = BYTE_BITS) -> None:
        super().__init__()
        self.bits = bits
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        integers = torch.zeros(num_embeddings, embedding_dim, dtype=torch.int8)
        self.weight = nn.Parameter(integers, requires_grad=False)
        self.register_buffer("scale", torch.ones(embedding_dim))

    def forward(self, indices: Tensor) -> Tensor:
        """Look rows up and scale them.

        Args:
            indices: int64 of any shape.

        Returns:
            float32 of shape (*indices.shape, width).
        """
        return self.weight[indices].float() * self.scale


def observed_tokens(activation: Tensor, *, first_token: bool) -> Tensor:
    """Return the part of an activation that its range is taken from.

    Args:
        activation: Shape (batch, tokens, in), or (batch, in) once the first token was picked.
        first_token: Whether only the first token is computed in the exported graph.

    Returns:
        The activation, or its first tokens.
    """
    return activation[:, :1] if first_token and activation.dim() == 3 else activation
