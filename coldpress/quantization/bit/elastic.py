"""Activation quantization to one to four bits with a learned step and learned thresholds.

After Liu et al. 2022, "BiT: Robustly Binarized Multi-distilled Transformer": the two sets of values
and the elastic binarization function, and its extension to more bits.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from coldpress.quantization.arithmetic.int8_linear.module import QuantizedLinear
from coldpress.quantization.core.straight_through import straight_through
from coldpress.quantization.core.trainable_modules import RoundedActivation


class ElasticQuantizer(nn.Module):
    """Rounds an activation x to step * (q - zero), q = round((x - threshold) / step + zero).

    q is clipped to 0 and 2^bits - 1. Where x is unsigned, zero is 0: one bit gives the values 0 and
    step. Where x is signed, zero is in the middle: with one bit it is 1/2, which gives the values
    -step / 2 and step / 2. Gradients are those of the straight-through estimator, and the paper's.

    Attributes:
        log_step: Scalar.
        threshold: Shape (in,).
    """

    def __init__(self, magnitude: float, width: int, bits: int, *, signed: bool) -> None:
        super().__init__()
        self._largest = 2**bits - 1
        self._zero = 0.0 if not signed else 2.0 ** (bits - 1) if bits > 1 else 0.5
        # Initialized as in the paper's code, after Esser et al. 2020, section 2.1.
        factor = 2 if signed else 4
        levels = max(2 ** (bits - 1) - 1, 1) if signed else self._largest
        step = factor * magnitude / math.sqrt(levels)
        self.log_step = nn.Parameter(torch.tensor(max(step, 1e-6)).log())
        self.threshold = nn.Parameter(torch.zeros(width))

    def forward(self, activation: Tensor) -> RoundedActivation:
        """Round an activation.

        Args:
            activation: Shape (..., in).

        Returns:
            Integers from 0 to 2^bits - 1, of the same shape.
        """
        step = self.log_step.exp()
        exact = (activation.float() - self._shift(step)) / step
        rounded = torch.round(exact.detach()).clamp_(0, self._largest)
        integers = straight_through(exact.clamp(0, self._largest), rounded)
        return RoundedActivation(integers, step, self._zero)

    def configure(self, module: QuantizedLinear) -> None:
        """Set the current step and thresholds in an integer module.

        Args:
            module: Reads the activation; changed in place.
        """
        step = self.log_step.exp()
        module.activation_scale = step
        module.activation_shift = self._shift(step)
        module.activation_zero_point = torch.zeros((), dtype=torch.uint8)
        module.activation_largest = torch.tensor(self._largest, dtype=torch.uint8)
        if self._zero:
            sums = module.weight.float().sum(1)
            module.bias.data -= self._zero * (step * module.scale.squeeze(1)) * sums

    def _shift(self, step: Tensor) -> Tensor:
        return self.threshold - step * self._zero
