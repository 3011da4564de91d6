"""Packing of blockwise weights into the layout of MatMulNBits."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coldpress.quantization.arithmetic.block_linear.module import BlockLinear
from coldpress.quantization.core.packing import zero_offset


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
