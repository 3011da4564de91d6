from __future__ import annotations

import numpy as np
import pytest

from coldpress.drift.length import length_shift


def test_the_effect_is_the_largest_gap_between_shares_up_to_a_length() -> None:
    """Half of the earlier texts have up to 2 words, none of the new ones."""
    shift = length_shift(np.array([1, 2, 3, 4]), np.array([3, 4, 5, 6, 7, 7]))
    assert shift.effect == pytest.approx(4 / 6)
    assert shift.sentence == "The median text had 2.5 words before and has 5.5 now."


def test_the_same_lengths_are_no_shift() -> None:
    shift = length_shift(np.arange(50), np.arange(50))
    assert (shift.effect, shift.p) == (0.0, 1.0)


def test_with_many_rows_a_small_effect_is_significant() -> None:
    before = np.repeat([5, 6], [5000, 5000])
    after = np.repeat([5, 6], [4500, 5500])
    shift = length_shift(before, after)
    assert shift.effect == pytest.approx(0.05)
    assert shift.p < 1e-6
