"""Activations of one to four bits, with a step and thresholds that are learnt.

After Liu et al. 2022, "BiT: Robustly Binarized Multi-distilled Transformer": two sets of values and
the elastic binarization function, and its extension to more bits.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from coldpress.quantization.core.modules import QuantizedLinear
from coldpress.quantization.core.straight_through import straight_through
from coldpress.quantization.core.trainable_modules import RoundedActivation


class ElasticQuantizer(nn.Module):
    """Rounds an activation x to step * (q - zero), q = round((x - threshold) / step + zero).

    q ends at 0 and 2^bits - 1. Where x is never far below zero, zero is 0: one bit gives 0 and
    step. Where x has both signs, zero is in the middle: of one bit it is 1/2, and the values are
    -step / 2 and step / 2. Gradients are those of the straight-through estimator, and the paper's.

    Attributes:
        log_step: Scalar.
        threshold: Shape (in,).
    """

    def __init__(self, magnitude: float, width: int, bits: int, *, signed: bool) -> None:
        super().__init__()
        self._largest = 2**bits - 1
        self._zero = 0.0 if not signed else 2.0 ** (bits - 1) if bits > 1 else 0.5
        # As the paper's code begins, after Esser et al. 2020, section 2.1.
        times, levels = (2, max(2 ** (bits - 1) - 1, 1)) if signed else (4, self._largest)
        step = times * magnitude / math.sqrt(levels)
        self.log_step = nn.Parameter(torch.tensor(max(step, 1e-6)).log())
        self.threshold = nn.Parameter(torch.zeros(width))

    def forward(self, activation: Tensor) -> RoundedActivation:
        """Round an activation.

        Args:
            activation: Shape (..., in).

        Returns:
            Integers from 0 to 2^bits - 1.
        """
        step = self.log_step.exp()
        exact = (activation.float() - self._shift(step)) / step
        rounded = torch.round(exact.detach()).clamp_(0, self._largest)
        return RoundedActivation(
            straight_through(exact.clamp(0, self._largest), rounded), step, self._zero
        )

    def settle(self, made: QuantizedLinear) -> None:
        """Fix step and thresholds as they are.

        Args:
            made: A module that reads the activation.
        """
        step = self.log_step.exp()
        made.activation_scale, made.activation_shift = step, self._shift(step)
        made.activation_zero_point = torch.zeros((), dtype=torch.uint8)
        made.activation_largest = torch.tensor(self._largest, dtype=torch.uint8)
        if self._zero:
            sums = made.weight.float().sum(1)
            made.bias.data -= self._zero * (step * made.scale.squeeze(1)) * sums

    def _shift(self, step: Tensor) -> Tensor:
        return self.threshold - step * self._zero
