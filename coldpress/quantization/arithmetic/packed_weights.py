"""Storage of integers: packed if they have fewer than eight bits, otherwise as int8."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from coldpress.quantization.arithmetic.arithmetic import Tensors
from coldpress.quantization.core.packing import BYTE_BITS, pack, unpack

WEIGHT_TYPES = frozenset({torch.int8, torch.uint8})
"""Types of stored integers: bytes as they are, and packed."""


class IntegerModule(Protocol):
    """A module whose weight is int8 of any shape, with 1 to 8 bits for each integer."""

    @property
    def weight(self) -> Tensor:
        """The integers."""

    @property
    def bits(self) -> int:
        """Bits of an integer in files."""


def pack_weight(module: IntegerModule) -> Tensor:
    """Pack the weight of a module.

    Returns:
        uint8 of shape (bits, bytes); with 8 bits the weight itself.
    """
    if module.bits < BYTE_BITS:
        return torch.from_numpy(pack(module.weight.numpy(), module.bits))
    return module.weight.detach()


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
