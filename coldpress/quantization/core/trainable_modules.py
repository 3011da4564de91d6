"""Torch modules that are trained while they compute with rounded numbers.

In evaluation mode they compute, bit by bit, what the integer modules that are made of them do.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from coldpress.quantization.core.convert import build_quantized_embedding, build_quantized_linear
from coldpress.quantization.core.int8 import round_activation, scale_and_zero_point
from coldpress.quantization.core.kbit import Granularity, best_scale, round_weight
from coldpress.quantization.core.modules import QuantizedEmbedding, QuantizedLinear, observed_tokens
from coldpress.quantization.core.straight_through import (
    round_weight_straight_through,
    straight_through,
)

MOMENTUM = 0.01
"""How far a range follows each batch (Jacob et al. 2018, section 3.1: slowly)."""

_SMALLEST_SCALE = torch.finfo(torch.float32).tiny


class RoundedActivation(NamedTuple):
    """An activation as integers, standing for step * (integers - zero).

    Attributes:
        integers: In float32, of the activation's shape.
        step: float32 scalar.
        zero: What is still to be subtracted.
    """

    integers: Tensor
    step: Tensor
    zero: float


class ActivationQuantizer(Protocol):
    """A module that rounds an activation."""

    def __call__(self, activation: Tensor) -> RoundedActivation:
        """Round it, and let gradients pass."""

    def settle(self, made: QuantizedLinear) -> None:
        """Write down, in a module of integers that reads the activation, how it is rounded."""


class MovingRangeQuantizer(nn.Module):
    """Rounds an activation to bytes over a range that follows it while the model is trained.

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
            The unsigned bytes less their zero point.
        """
        activation = activation.float()
        if self.training:
            self._follow(observed_tokens(activation.detach(), first_token=self._first_token))
        step, zero_point = scale_and_zero_point(self.low, self.high)
        rounded = round_activation(activation.detach(), step, zero_point)
        return RoundedActivation(straight_through(activation / step, rounded), step, 0.0)

    def settle(self, made: QuantizedLinear) -> None:
        """Fix the range as it is.

        Args:
            made: A module that reads the activation.
        """
        made.activation_scale, made.activation_zero_point = scale_and_zero_point(
            self.low, self.high
        )

    def _follow(self, seen: Tensor) -> None:
        self.low.lerp_(seen.amin(), MOMENTUM)
        self.high.lerp_(seen.amax(), MOMENTUM)


class FakeQuantizedLinear(nn.Linear):
    """A linear module whose weights and inputs are rounded, and whose scales are learnt.

    Scales are learnt as Esser et al. 2020, "Learned Step Size Quantization", equation 3, in their
    logarithm, since AdamW moves every number by as much. With 1 bit the scale is mean |W| instead
    (Rastegari et al. 2016, "XNOR-Net", equation 6).

    Attributes:
        bits: Of a weight.
        arriving: Rounds the input.
        log_scale: Shape (out,) or (1,); none with 1 bit.
    """

    log_scale: nn.Parameter | None

    def __init__(
        self, source: nn.Linear, bits: int, per: Granularity, arriving: ActivationQuantizer
    ) -> None:
        super().__init__(source.in_features, source.out_features, device="meta")
        self.weight, self.bias = source.weight, source.bias
        self.bits, self.arriving, self._per = bits, arriving, per
        scale = best_scale(source.weight.detach(), bits, per).flatten()
        self.log_scale = nn.Parameter(scale.log()) if bits > 1 else None

    def scale(self) -> Tensor:
        """Return the scales of the weights as they are now: (out,) or (1,)."""
        if self.log_scale is not None:
            learnt: Tensor = self.log_scale.exp()
            return learnt
        mean = best_scale(self.weight.detach(), self.bits, self._per)
        return mean.flatten().clamp(min=_SMALLEST_SCALE)

    def integers(self, scale: Tensor) -> Tensor:
        """Return the weights as integers that gradients pass.

        Args:
            scale: As `scale` returned it.

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
        scale, arrived = self.scale(), self.arriving(activation)
        weights = self.integers(scale)
        # Integers of eight bits are exact in bf16 too.
        sums = nn.functional.linear(arrived.integers, weights)
        bias: Tensor | float = 0.0 if self.bias is None else self.bias
        if arrived.zero:
            bias = bias - arrived.zero * (arrived.step * scale) * weights.sum(1)
        answer: Tensor = sums.float() * (arrived.step * scale) + bias
        return answer

    @torch.no_grad()
    def settled(self) -> QuantizedLinear:
        """Return the integer module that computes what this one does."""
        scale = self.scale()
        integers = self.integers(scale).to(torch.int8)
        scales = scale[:, None].expand(len(integers), 1).clone()
        made = build_quantized_linear(self, integers, scales, bits=self.bits)
        self.arriving.settle(made)
        return made


class FakeQuantizedEmbedding(nn.Embedding):
    """A table whose rows are rounded by scales that stay as they were at the start.

    Attributes:
        bits: Of an entry.
        scale: float32 of shape (width,).
    """

    scale: Tensor

    def __init__(self, source: nn.Embedding, bits: int) -> None:
        super().__init__(1, 1, padding_idx=None, device="meta")
        self.num_embeddings, self.embedding_dim = source.weight.shape
        self.padding_idx = source.padding_idx
        self.weight, self.bits = source.weight, bits
        scale = best_scale(source.weight.detach().T, bits, "channel").flatten()
        self.register_buffer("scale", scale.clamp(min=_SMALLEST_SCALE))

    def forward(self, indices: Tensor) -> Tensor:
        """Look rows up and round them.

        Args:
            indices: int64 of any shape.

        Returns:
            float32 of shape (*indices.shape, width).
        """
        rows = super().forward(indices)
        rounded = round_weight(rows.detach(), self.scale, self.bits)
        return straight_through(rows / self.scale, rounded) * self.scale

    @torch.no_grad()
    def settled(self) -> QuantizedEmbedding:
        """Return the table of integers that gives the rows that this one does."""
        integers = round_weight(self.weight, self.scale, self.bits).to(torch.int8)
        return build_quantized_embedding(integers, self.scale.clone(), bits=self.bits)
