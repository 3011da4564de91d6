"""Packing of integers with fewer than eight bits.

b bits are split into fields of 4, 2 and 1 bits, high bits first, whose sizes sum to b. A byte holds
fields of one size only, so two shifts extract any field of all bytes at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int8]

BYTE_BITS = 8
"""Bits of an integer that is stored as int8, without packing."""


def bit_fields(bits: int) -> tuple[int, ...]:
    """Split a number of bits into fields that fill bytes.

    Args:
        bits: From 1 to 7.

    Returns:
        Sizes of the fields, high bits first.
    """
    return tuple(size for size in (4, 2, 1) if bits & size)


def zero_offset(bits: int) -> int:
    """Return the unsigned integer that represents zero.

    Args:
        bits: From 2 to 8. A single bit has no zero: 0 and 1 represent -1 and 1.

    Returns:
        The offset to subtract from the stored unsigned integers.
    """
    return 1 << (bits - 1)


def pack(integers: Integers, bits: int) -> Bytes:
    """Pack integers into few bits.

    Args:
        integers: n integers of any shape, from -(2^(bits-1)) to 2^(bits-1) - 1; with 1 bit, -1 and
            1.
        bits: From 1 to 7.

    Returns:
        uint8 of shape (bits, ceil(n / 8)). A field of size b takes b rows. Flattened, these rows
        have m bytes, and byte i holds the fields of the integers i, i + m, i + 2m and so on, lowest
        bits first.
    """
    signed = integers.astype(np.int16).ravel()
    unsigned = (signed + 1) // 2 if bits == 1 else signed + zero_offset(bits)
    padded = np.zeros(-len(signed) % 8 + len(signed), dtype=np.uint8)
    padded[: len(signed)] = unsigned
    rows = []
    low = bits
    for size in bit_fields(bits):
        low -= size
        rows.append(_pack_field((padded >> low) & (2**size - 1), size))
    return np.concatenate(rows)


def unpack(packed: Bytes, shape: tuple[int, ...]) -> Integers:
    """Unpack the integers that `pack` has packed.

    Args:
        packed: uint8 of shape (bits, bytes).
        shape: Shape of the integers.

    Returns:
        int8 of that shape.
    """
    bits = len(packed)
    count = int(np.prod(shape))
    total = np.zeros(packed.shape[1] * 8, dtype=np.uint8)
    low = bits
    start = 0
    for size in bit_fields(bits):
        low -= size
        total |= _unpack_field(packed[start : start + size], size) << low
        start += size
    signed = total[:count].astype(np.int8)
    return (
        (signed * 2 - 1 if bits == 1 else signed - zero_offset(bits)).astype(np.int8).reshape(shape)
    )


def field_shifts(size: int) -> Bytes:
    """Return the left shift that moves each field of a byte to the byte's high bits.

    Args:
        size: Bits of a field: 4, 2 or 1.

    Returns:
        Shape (8 / size, 1), to be applied to bytes of shape (1, bytes).
    """
    return np.arange(8 - size, -1, -size, dtype=np.uint8)[:, None]


def _pack_field(values: NDArray[Any], size: int) -> Bytes:
    """Pack the values of one field into bytes of shape (size, ceil(n / 8))."""
    grouped = values.reshape(8 // size, -1).astype(np.uint8)
    lowest_first = np.arange(0, 8, size, dtype=np.uint8)[:, None]
    packed: Bytes = np.bitwise_or.reduce(grouped << lowest_first, axis=0)
    return packed.reshape(size, -1)


def _unpack_field(packed: Bytes, size: int) -> Bytes:
    return ((packed.reshape(1, -1) << field_shifts(size)) >> np.uint8(8 - size)).ravel()
