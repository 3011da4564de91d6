"""A float32 linear module that scales the channels of its input."""

from __future__ import annotations

from torch import Tensor, nn


class SmoothedLinear(nn.Linear):
    """A float32 linear module that first multiplies each channel of its input.

    Attributes:
        input_scale: float32 of shape (in,).
    """

    input_scale: Tensor

    @classmethod
    def from_linear(cls, linear: nn.Linear, input_scale: Tensor) -> SmoothedLinear:
        """Build the module from a linear module and an input scale.

        Args:
            linear: Its parameters are shared, not copied.
            input_scale: float32 of shape (in,).

        Returns:
            The module.
        """
        module = cls(linear.in_features, linear.out_features, device="meta")
        module.weight = linear.weight
        module.bias = linear.bias
        module.register_buffer("input_scale", input_scale)
        return module

    def forward(self, activation: Tensor) -> Tensor:
        """Multiply the input by its scale and apply the linear module.

        Args:
            activation: float32 of shape (..., in).

        Returns:
            float32 of shape (..., out).
        """
        return super().forward(activation * self.input_scale)
