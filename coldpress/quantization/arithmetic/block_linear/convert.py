"""Blockwise quantization of weights."""

from __future__ import annotations

import torch
from torch import nn

from coldpress.quantization.arithmetic.block_linear.module import ATTRIBUTES, BlockLinear
from coldpress.quantization.core.kbit import quantize_weight

SMALLEST_BLOCK = 16
_SCALE_BYTES = 4


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
