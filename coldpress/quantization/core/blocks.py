"""Blockwise weight quantization, as ONNX Runtime's MatMulNBits computes it.

A block is a run of neighbouring weights of one output row with its own scale. Activations stay
float32 or are rounded per token in blocks of the same size: logits never depend on the batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from coldpress.quantization.core.kbit import quantize_weight
from coldpress.quantization.core.packing import zero_offset

FLOAT32 = 1
INT8 = 4
"""Accuracy levels of MatMulNBits: the type in which activations are multiplied."""
ATTRIBUTES = ("bits", "block_size", "accuracy_level")
"""Buffers of the module that are attributes of the ONNX operator."""
_LARGEST = 127
_SCALE_BYTES = 4
SMALLEST_BLOCK = 16


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


@torch.no_grad()
def quantize_blockwise(
    source: nn.Linear, bits: int, block_size: int, accuracy_level: int
) -> BlockLinear:
    """Quantize the weights of a linear module in blocks.

    Args:
        source: In float32.
        bits: 4 or 8.
        block_size: Largest number of weights in a block: a power of two from 16 to 256. Smaller
            blocks are used where padding would cost more bytes than larger blocks save.
        accuracy_level: `FLOAT32` or `INT8`.

    Returns:
        A module that computes what MatMulNBits computes.
    """
    rows, columns = source.weight.shape
    block_size = choose_block_size(columns, bits, block_size)
    blocks = -(-columns // block_size)
    padded = nn.functional.pad(source.weight, (0, blocks * block_size - columns))
    integers, scale = quantize_weight(padded.view(-1, block_size), bits, "channel")
    module = BlockLinear(rows, columns, blocks=blocks)
    module.weight.data = integers.view(rows, -1)[:, :columns].contiguous()
    if source.bias is not None:  # otherwise it is zero
        module.bias.data = source.bias.clone()
    module.scale = scale.view(rows, blocks)
    for name, value in zip(ATTRIBUTES, (bits, block_size, accuracy_level), strict=True):
        module.get_buffer(name).fill_(value)
    return module


def choose_block_size(columns: int, bits: int, largest: int) -> int:
    """Choose the block size that takes the fewest bytes: MatMulNBits stores whole blocks only.

    Args:
        columns: Weights per output row.
        bits: 4 or 8.
        largest: The block size in the recipe: a power of two, at least 16.

    Returns:
        A power of two; `largest` if it divides a row. Ties go to the smallest block size, which
        has the most scales.
    """
    sizes = [largest]
    while sizes[0] > SMALLEST_BLOCK:
        sizes.insert(0, sizes[0] // 2)
    return min(sizes, key=lambda size: -(-columns // size) * (size * bits // 8 + _SCALE_BYTES))


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


def pack_blocks(module: BlockLinear) -> NDArray[np.uint8]:
    """Pack the integers into the layout of MatMulNBits.

    Args:
        module: With 4 or 8 bits.

    Returns:
        uint8 of shape (out, blocks, bytes per block): the integers plus 2^(bits-1). With 4 bits a
        byte holds two, the first in the low half. A short last block is padded with zeros.
    """
    bits = int(module.bits)
    size = int(module.block_size)
    padded = np.zeros((module.out_features, module.scale.shape[1] * size), dtype=np.int16)
    padded[:, : module.in_features] = module.weight.numpy()
    unsigned = (padded + zero_offset(bits)).astype(np.uint8).reshape(len(padded), -1, size)
    if bits == 8:
        return unsigned
    return unsigned[..., 0::2] | np.left_shift(unsigned[..., 1::2], 4, dtype=np.uint8)


def unpack_blocks(packed: NDArray[Any], bits: int, in_features: int) -> Tensor:
    """Unpack the layout of `pack_blocks`.

    Args:
        packed: uint8 of shape (out, blocks, bytes per block).
        bits: 4 or 8.
        in_features: Columns of the weight.

    Returns:
        int8 of shape (out, in).
    """
    unsigned = packed.astype(np.int16)
    if bits == 4:
        unsigned = np.stack([unsigned & 15, unsigned >> 4], axis=-1)
    signed = unsigned.reshape(len(packed), -1)[:, :in_features] - zero_offset(bits)
    return torch.from_numpy(signed.astype(np.int8))
