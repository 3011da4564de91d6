"""Integers of fewer than eight bits, stored in as many bits as they have.

b bits are cut into fields of 4, 2 and 1 bits, high ones first, whose sizes sum to b. A byte holds
fields of one size only, so that two shifts take any of them out, for all bytes at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int8]

BYTE_BITS = 8
"""Bits of what is not packed, but stored as a signed byte."""


def bit_fields(bits: int) -> tuple[int, ...]:
    """Cut a number of bits into fields that fill bytes.

    Args:
        bits: From 1 to 7.

    Returns:
        Sizes of the fields, high ones first.
    """
    return tuple(size for size in (4, 2, 1) if bits & size)


def zero_offset(bits: int) -> int:
    """Return the unsigned integer that zero is stored as.

    Args:
        bits: From 2 to 8. A single bit has no zero: 0 and 1 stand for -1 and 1.

    Returns:
        What is to be subtracted from what fields sum up to.
    """
    return 1 << (bits - 1)


def pack(integers: Integers, bits: int) -> Bytes:
    """Store integers in few bits.

    Args:
        integers: n signed bytes of any shape, from -(2^(bits-1)) to 2^(bits-1) - 1; of 1 bit, -1
            and 1.
        bits: From 1 to 7.

    Returns:
        Shape (bits, ceil(n / 8)). Rows of a field of size b are b of them; byte i of these, read
        in one line, holds the fields of the integers i, i + m, i + 2m and so on, m being their
        number, lowest bits first.
    """
    signed = integers.astype(np.int16).ravel()
    unsigned = (signed + 1) // 2 if bits == 1 else signed + zero_offset(bits)
    padded = np.zeros(-len(signed) % 8 + len(signed), dtype=np.uint8)
    padded[: len(signed)] = unsigned
    rows, low = [], bits
    for size in bit_fields(bits):
        low -= size
        rows.append(_pack_field((padded >> low) & (2**size - 1), size))
    return np.concatenate(rows)


def unpack(packed: Bytes, shape: tuple[int, ...]) -> Integers:
    """Read what `pack` has stored.

    Args:
        packed: Shape (bits, bytes).
        shape: Of the integers.

    Returns:
        Signed bytes of that shape.
    """
    bits, count = len(packed), int(np.prod(shape))
    total, low, start = np.zeros(packed.shape[1] * 8, dtype=np.uint8), bits, 0
    for size in bit_fields(bits):
        low -= size
        total |= _unpack_field(packed[start : start + size], size) << low
        start += size
    signed = total[:count].astype(np.int8)
    return (
        (signed * 2 - 1 if bits == 1 else signed - zero_offset(bits)).astype(np.int8).reshape(shape)
    )


def field_shifts(size: int) -> Bytes:
    """Return how far to the left a byte is shifted for each of its fields to lie at its top.

    Args:
        size: Of a field: 4, 2 or 1.

    Returns:
        Shape (8 / size, 1), for bytes of shape (1, bytes).
    """
    return np.arange(8 - size, -1, -size, dtype=np.uint8)[:, None]


def _pack_field(values: NDArray[Any], size: int) -> Bytes:
    """Lay values of one field side by side in bytes: (size, ceil(n / 8))."""
    places = values.reshape(8 // size, -1).astype(np.uint8)
    lowest_first = np.arange(0, 8, size, dtype=np.uint8)[:, None]
    packed: Bytes = np.bitwise_or.reduce(places << lowest_first, axis=0)
    return packed.reshape(size, -1)


def _unpack_field(packed: Bytes, size: int) -> Bytes:
    return ((packed.reshape(1, -1) << field_shifts(size)) >> np.uint8(8 - size)).ravel()
