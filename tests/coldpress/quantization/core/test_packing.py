"""Packing and unpacking, by hand and as a round trip."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldpress.quantization.core.packing import bit_fields, pack, unpack


def test_bits_are_split_into_fields_that_fill_bytes() -> None:
    assert [bit_fields(bits) for bits in range(1, 8)] == [
        (1,),
        (2,),
        (2, 1),
        (4,),
        (4, 1),
        (4, 2),
        (4, 2, 1),
    ]


def test_sixteen_signs_are_two_bytes_the_first_integers_in_the_lowest_bits() -> None:
    signs = np.array([1, -1, 1, 1] + [-1] * 11 + [1], dtype=np.int8)
    # Byte 0 has integers 0, 2, 4 and so on, byte 1 those between them.
    assert pack(signs, 1).tolist() == [[0b00000011, 0b10000010]]


def test_two_nibbles_of_a_byte_are_half_of_the_integers_apart() -> None:
    integers = np.array([-7, 0, 7, 1, -1, 3, -8, 2], dtype=np.int8)
    assert pack(integers, 4).tolist() == [[0x71], [0xB8], [0x0F], [0xA9]]


def test_three_bits_are_stored_high_bits_first() -> None:
    integers = np.array([-3, 3, 0, 1, -4, 2, -1, -2], dtype=np.int8)
    unsigned = [1, 7, 4, 5, 0, 6, 3, 2]
    high, low = [u >> 1 for u in unsigned], [u & 1 for u in unsigned]
    packed = pack(integers, 3)
    assert packed.tolist() == [
        [high[0] | high[2] << 2 | high[4] << 4 | high[6] << 6],
        [high[1] | high[3] << 2 | high[5] << 4 | high[7] << 6],
        [sum(bit << place for place, bit in enumerate(low))],
    ]


@given(st.integers(1, 7), st.integers(1, 70), st.randoms(use_true_random=False))
def test_packed_integers_are_recovered_and_take_bits_eighths_of_the_bytes(
    bits: int, count: int, random: st.DataObject
) -> None:
    values = (-1, 1) if bits == 1 else range(-(2 ** (bits - 1)), 2 ** (bits - 1))
    integers = [random.choice(values) for _ in range(count)]  # type: ignore[attr-defined]
    packed = pack(np.array(integers, dtype=np.int8), bits)
    assert packed.dtype == np.uint8
    assert packed.shape == (bits, -(-count // 8))
    assert unpack(packed, (count,)).tolist() == integers


@pytest.mark.parametrize("bits", [1, 3, 4])
def test_the_shape_is_restored(bits: int) -> None:
    integers = np.ones((3, 5), dtype=np.int8)
    assert unpack(pack(integers, bits), (3, 5)).tolist() == integers.tolist()
