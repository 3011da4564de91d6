"""A linear module that computes what ONNX Runtime's MatMulNBits computes.

A block is a run of neighbouring weights of one output row with its own scale. Activations stay
float32 or are rounded per token in blocks of the same size: logits never depend on the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

FLOAT32 = 1
INT8 = 4
"""Accuracy levels of MatMulNBits: the type in which activations are multiplied."""
ATTRIBUTES = ("bits", "block_size", "accuracy_level")
"""Buffers of the module that are attributes of the ONNX operator."""
_LARGEST = 127


class BlockLinear(nn.Module):
    """A linear module whose weights have one scale per block.

    Attributes:
        weight: int8 of shape (out, in).
        scale: float32 of shape (out, blocks); the last block may be shorter than the others.
        bias: float32 of shape (out,).
        bits: int64 scalar, 4 or 8: bits of a weight in files.
        block_size: int64 scalar, weights per block.
        accuracy_level: int64 scalar, `FLOAT32` or `INT8`.
    """

    scale: Tensor
    bits: Tensor
    block_size: Tensor
    accuracy_level: Tensor

    def __init__(self, out_features: int, in_features: int, *, blocks: int) -> None:
        super().__init__()
        self.out_features = out_features
        self.in_features = in_features
        integers = torch.zeros(out_features, in_features, dtype=torch.int8)
        self.weight = nn.Parameter(integers, requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(out_features), requires_grad=False)
        self.register_buffer("scale", torch.ones(out_features, blocks))
        for name in ATTRIBUTES:
            self.register_buffer(name, torch.zeros((), dtype=torch.int64))

    def forward(self, activation: Tensor) -> Tensor:
        """Multiply by the scaled integers and add the bias.

        Args:
            activation: float32 of shape (..., in).

        Returns:
            float32 of shape (..., out).
        """
        size = int(self.block_size)
        if int(self.accuracy_level) == INT8:
            activation = fake_quantize_blocks(activation, size)
        scales = self.scale.repeat_interleave(size, dim=1)[:, : self.in_features]
        return nn.functional.linear(activation, self.weight * scales, self.bias)


def fake_quantize_blocks(activation: Tensor, block_size: int) -> Tensor:
    """Round an activation to int8 and scale it back, one scale per block of each token.

    Args:
        activation: float32 of shape (..., in).
        block_size: Neighbouring values that share a scale.

    Returns:
        float32 of the same shape.
    """
    width = activation.shape[-1]
    padded = nn.functional.pad(activation, (0, -width % block_size))
    padded = padded.view(*padded.shape[:-1], -1, block_size)
    largest = padded.abs().amax(-1, keepdim=True)
    # The same operations as the kernel: dividing by the scale, or multiplying by 1 / max as torch
    # would with a Python number, rounds one value in a million the other way.
    inverse = torch.where(largest > 0, torch.full_like(largest, _LARGEST) / largest, 0.0)
    rounded: Tensor = torch.round(padded * inverse) * (largest / _LARGEST)
    return rounded.flatten(-2)[..., :width]
