"""Storage of integers: packed if they have fewer than eight bits, otherwise as int8."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from coldpress.quantization.arithmetic.arithmetic import Tensors
from coldpress.quantization.core.packing import BYTE_BITS, pack, unpack

WEIGHT_TYPES = frozenset({torch.int8, torch.uint8})
"""Types of stored integers: bytes as they are, and packed."""


def pack_weight(weight: Tensor, bits: int) -> Tensor:
    """Pack the weight of a module.

    Args:
        weight: int8 of any shape.
        bits: Bits of an integer, 1 to 8.

    Returns:
        uint8 of shape (bits, bytes); with 8 bits the weight itself.
    """
    return torch.from_numpy(pack(weight.numpy(), bits)) if bits < BYTE_BITS else weight.detach()


def unpack_weight(tensors: Tensors, shape: Sequence[int]) -> Tensor:
    """Unpack the weight of a module.

    Args:
        tensors: The module's stored tensors.
        shape: Shape of the weight.

    Returns:
        int8 of that shape.
    """
    weight = tensors["weight"]
    if weight.dtype != torch.uint8:
        return weight
    return torch.from_numpy(unpack(weight.numpy(), tuple(shape)))


def stored_bits(tensors: Tensors) -> int:
    """Return the bits of a stored weight.

    Args:
        tensors: The module's stored tensors.

    Returns:
        From 1 to 8.
    """
    weight = tensors["weight"]
    return len(weight) if weight.dtype == torch.uint8 else BYTE_BITS


def is_packed(weight: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bool:
    """Return whether a stored weight is packed.

    Args:
        weight: As in a checkpoint.

    Returns:
        True for bytes that hold fields of bits.
    """
    return weight.dtype == np.uint8
