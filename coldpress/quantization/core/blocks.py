"""Weights rounded block by block, as ONNX Runtime's MatMulNBits multiplies them.

A block is some neighbouring weights of one output row, with a scale of its own. Activations stay
float32, or are rounded in the same blocks, each token by itself: answers never depend on the batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from coldpress.quantization.core.kbit import quantize_weight
from coldpress.quantization.core.packing import zero_offset

FLOAT32, INT8 = 1, 4
"""MatMulNBits's accuracy levels: what activations are multiplied as."""
ATTRIBUTES = ("bits", "block_size", "accuracy_level")
"""Tensors of the module that are attributes of the operator."""
_LARGEST = 127
_SCALE_BYTES = 4
SMALLEST_BLOCK = 16


class BlockLinear(nn.Module):
    """A linear module whose weights have a scale a block.

    Attributes:
        weight: int8 of shape (out, in).
        scale: float32 of shape (out, blocks); the last block may be shorter than the others.
        bias: float32 of shape (out,).
        bits: int64 scalar, 4 or 8: how many a weight takes in files.
        block_size: int64 scalar, weights a block.
        accuracy_level: int64 scalar, `FLOAT32` or `INT8`.
    """

    scale: Tensor
    bits: Tensor
    block_size: Tensor
    accuracy_level: Tensor

    def __init__(self, out_features: int, in_features: int, *, blocks: int) -> None:
        super().__init__()
        self.out_features, self.in_features = out_features, in_features
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
        spread = self.scale.repeat_interleave(size, dim=1)[:, : self.in_features]
        return nn.functional.linear(activation, self.weight * spread, self.bias)


@torch.no_grad()
def quantize_blockwise(
    source: nn.Linear, bits: int, block_size: int, accuracy_level: int
) -> BlockLinear:
    """Decide the integers of a linear module.

    Args:
        source: In float32.
        bits: 4 or 8.
        block_size: Weights a block at most: a power of two from 16 to 256. Smaller blocks are taken
            where these would be filled up with more than they save.
        accuracy_level: `FLOAT32` or `INT8`.

    Returns:
        The module that answers as MatMulNBits does.
    """
    rows, columns = source.weight.shape
    block_size = choose_block_size(columns, bits, block_size)
    blocks = -(-columns // block_size)
    padded = nn.functional.pad(source.weight, (0, blocks * block_size - columns))
    integers, scale = quantize_weight(padded.view(-1, block_size), bits, "channel")
    made = BlockLinear(rows, columns, blocks=blocks)
    made.weight.data = integers.view(rows, -1)[:, :columns].contiguous()
    if source.bias is not None:  # otherwise it is zero
        made.bias.data = source.bias.clone()
    made.scale = scale.view(rows, blocks)
    for name, value in zip(ATTRIBUTES, (bits, block_size, accuracy_level), strict=True):
        made.get_buffer(name).fill_(value)
    return made


def choose_block_size(columns: int, bits: int, largest: int) -> int:
    """Choose the block size that takes the fewest bytes: MatMulNBits stores whole blocks only.

    Args:
        columns: Weights of an output row.
        bits: 4 or 8.
        largest: What a recipe asks for: a power of two from 16 on.

    Returns:
        A power of two, `largest` wherever it divides a row; of equals the smallest, which rounds
        by the most scales.
    """
    sizes = [largest]
    while sizes[0] > SMALLEST_BLOCK:
        sizes.insert(0, sizes[0] // 2)
    return min(sizes, key=lambda size: -(-columns // size) * (size * bits // 8 + _SCALE_BYTES))


def fake_quantize_blocks(activation: Tensor, block_size: int) -> Tensor:
    """Round an activation to signed bytes, each block of each token by its largest magnitude.

    Args:
        activation: float32 of shape (..., in).
        block_size: Neighbouring values that share a scale.

    Returns:
        The rounded values, scaled back, of the same shape.
    """
    width = activation.shape[-1]
    padded = nn.functional.pad(activation, (0, -width % block_size))
    padded = padded.view(*padded.shape[:-1], -1, block_size)
    largest = padded.abs().amax(-1, keepdim=True)
    # As the kernel does: dividing by the scale, or multiplying by 1 / max as torch would with a
    # plain number, puts one value in a million on its other side.
    inverse = torch.where(largest > 0, torch.full_like(largest, _LARGEST) / largest, 0.0)
    rounded: Tensor = torch.round(padded * inverse) * (largest / _LARGEST)
    return rounded.flatten(-2)[..., :width]


def pack_blocks(module: BlockLinear) -> NDArray[np.uint8]:
    """Lay the integers out as MatMulNBits reads them.

    Args:
        module: Of 4 or 8 bits.

    Returns:
        Shape (out, blocks, bytes a block): the integers plus 2^(bits-1); of 4 bits two a byte, the
        first in the low half. Where the last block is short, zeros follow.
    """
    bits, size = int(module.bits), int(module.block_size)
    padded = np.zeros((module.out_features, module.scale.shape[1] * size), dtype=np.int16)
    padded[:, : module.in_features] = module.weight.numpy()
    unsigned = (padded + zero_offset(bits)).astype(np.uint8).reshape(len(padded), -1, size)
    low, high = unsigned[..., 0::2], unsigned[..., 1::2]
    return unsigned if bits == 8 else low | np.left_shift(high, 4, dtype=np.uint8)


def unpack_blocks(packed: NDArray[Any], bits: int, in_features: int) -> Tensor:
    """Read what `pack_blocks` has laid out.

    Args:
        packed: Shape (out, blocks, bytes a block).
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
