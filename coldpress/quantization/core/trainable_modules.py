"""Fake-quantized torch modules for training.

In evaluation mode they compute bit for bit what the integer modules built from them compute.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from coldpress import ranks
from coldpress.quantization.arithmetic.int8_embedding.module import QuantizedEmbedding
from coldpress.quantization.arithmetic.int8_linear.module import QuantizedLinear, observed_tokens
from coldpress.quantization.core.convert import build_quantized_embedding, build_quantized_linear
from coldpress.quantization.core.int8 import round_activation, scale_and_zero_point
from coldpress.quantization.core.kbit import Granularity, best_scale, round_weight
from coldpress.quantization.core.straight_through import (
    round_weight_straight_through,
    straight_through,
)

MOMENTUM = 0.01
"""Weight of each batch in the moving average of a range (Jacob et al. 2018, section 3.1)."""

_SMALLEST_SCALE = torch.finfo(torch.float32).tiny


class RoundedActivation(NamedTuple):
    """An activation as integers; its value is step * (integers - zero).

    Attributes:
        integers: In float32, of the activation's shape.
        step: float32 scalar.
        zero: Offset that is still to be subtracted from the integers.
    """

    integers: Tensor
    step: Tensor
    zero: float


class ActivationQuantizer(Protocol):
    """A module that rounds an activation."""

    def __call__(self, activation: Tensor) -> RoundedActivation:
        """Round an activation with straight-through gradients."""

    def configure(self, module: QuantizedLinear) -> None:
        """Set the current rounding parameters in an integer module that reads the activation."""


class MovingRangeQuantizer(nn.Module):
    """Rounds an activation to uint8 over a moving average of its range.

    After Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", section 3.1.

    Attributes:
        low, high: float32 scalars.
    """

    low: Tensor
    high: Tensor

    def __init__(self, low: Tensor, high: Tensor, *, first_token: bool) -> None:
        super().__init__()
        self.register_buffer("low", low.clone())
        self.register_buffer("high", high.clone())
        self._first_token = first_token

    def forward(self, activation: Tensor) -> RoundedActivation:
        """Round an activation.

        Args:
            activation: Shape (batch, tokens, in) or (batch, in).

        Returns:
            The unsigned integers minus their zero point, of the same shape.
        """
        activation = activation.float()
        if self.training:
            self._update(observed_tokens(activation.detach(), first_token=self._first_token))
        step, zero_point = scale_and_zero_point(self.low, self.high)
        rounded = round_activation(activation.detach(), step, zero_point)
        return RoundedActivation(straight_through(activation / step, rounded), step, 0.0)

    def configure(self, module: QuantizedLinear) -> None:
        """Set the current range in an integer module.

        Args:
            module: Reads the activation; changed in place.
        """
        scale, zero_point = scale_and_zero_point(self.low, self.high)
        module.activation_scale = scale
        module.activation_zero_point = zero_point

    def _update(self, tokens: Tensor) -> None:
        low, high = ranks.widest_range(tokens.amin(), tokens.amax())
        self.low.lerp_(low, MOMENTUM)
        self.high.lerp_(high, MOMENTUM)


class FakeQuantizedLinear(nn.Linear):
    """A linear module with rounded weights and inputs and learned scales.

    Scales are learned as in Esser et al. 2020, "Learned Step Size Quantization", equation 3, but as
    logarithms, since AdamW changes every parameter by about the same amount. With 1 bit the scale
    is mean |W| instead (Rastegari et al. 2016, "XNOR-Net", equation 6).

    Attributes:
        bits: Bits of a weight.
        input_quantizer: Rounds the input.
        log_scale: Shape (out,) or (1,); None with 1 bit.
    """

    log_scale: nn.Parameter | None

    def __init__(
        self, source: nn.Linear, bits: int, per: Granularity, input_quantizer: ActivationQuantizer
    ) -> None:
        super().__init__(source.in_features, source.out_features, device="meta")
        self.weight = source.weight
        self.bias = source.bias
        self.bits = bits
        self.input_quantizer = input_quantizer
        self._per = per
        scale = best_scale(source.weight.detach(), bits, per).flatten()
        self.log_scale = nn.Parameter(scale.log()) if bits > 1 else None

    def scale(self) -> Tensor:
        """Return the current scales of the weights, of shape (out,) or (1,)."""
        if self.log_scale is not None:
            scale: Tensor = self.log_scale.exp()
            return scale
        mean = best_scale(self.weight.detach(), self.bits, self._per)
        return mean.flatten().clamp(min=_SMALLEST_SCALE)

    def integers(self, scale: Tensor) -> Tensor:
        """Return the weights as integers with straight-through gradients.

        Args:
            scale: Returned by `scale`.

        Returns:
            Integers in float32, of shape (out, in).
        """
        return round_weight_straight_through(self.weight, scale[:, None], self.bits)

    def forward(self, activation: Tensor) -> Tensor:
        """Round the activation and the weights, multiply, scale the sums and add the bias.

        Args:
            activation: Shape (..., in).

        Returns:
            float32 of shape (..., out).
        """
        scale = self.scale()
        rounded = self.input_quantizer(activation)
        weights = self.integers(scale)
        # 8-bit integers are exact in bf16 too.
        sums = nn.functional.linear(rounded.integers, weights)
        bias: Tensor | float = 0.0 if self.bias is None else self.bias
        if rounded.zero:
            bias = bias - rounded.zero * (rounded.step * scale) * weights.sum(1)
        output: Tensor = sums.float() * (rounded.step * scale) + bias
        return output

    @torch.no_grad()
    def to_integers(self) -> QuantizedLinear:
        """Return the integer module with the same outputs."""
        scale = self.scale()
        integers = self.integers(scale).to(torch.int8)
        scales = scale[:, None].expand(len(integers), 1).clone()
        module = build_quantized_linear(self, integers, scales, bits=self.bits)
        self.input_quantizer.configure(module)
        return module


class FakeQuantizedEmbedding(nn.Embedding):
    """An embedding table with rounded rows; the scales are fixed at initialization.

    Attributes:
        bits: Bits of an entry.
        scale: float32 of shape (width,).
    """

    scale: Tensor

    def __init__(self, source: nn.Embedding, bits: int) -> None:
        super().__init__(1, 1, padding_idx=None, device="meta")
        self.num_embeddings, self.embedding_dim = source.weight.shape
        self.padding_idx = source.padding_idx
        self.weight = source.weight
        self.bits = bits
        scale = best_scale(source.weight.detach().T, bits, "channel").flatten()
        self.register_buffer("scale", scale.clamp(min=_SMALLEST_SCALE))

    def forward(self, indices: Tensor) -> Tensor:
        """Look up rows and round them.

        Args:
            indices: int64 of any shape.

        Returns:
            float32 of shape (*indices.shape, width).
        """
        rows = super().forward(indices)
        rounded = round_weight(rows.detach(), self.scale, self.bits)
        return straight_through(rows / self.scale, rounded) * self.scale

    @torch.no_grad()
    def to_integers(self) -> QuantizedEmbedding:
        """Return the integer table with the same rows."""
        integers = round_weight(self.weight, self.scale, self.bits).to(torch.int8)
        return build_quantized_embedding(integers, self.scale.clone(), bits=self.bits)
