from __future__ import annotations

import numpy as np
import pytest

from coldpress.drift.length import length_shift


def test_the_effect_is_the_largest_gap_between_shares_up_to_a_length() -> None:
    """Half of the earlier texts have up to 2 words, and none of the fresh ones."""
    found = length_shift(np.array([1, 2, 3, 4]), np.array([3, 4, 5, 6, 7, 7]))
    assert found.effect == pytest.approx(4 / 6)
    assert found.sentence == "The median text had 2.5 words, and has 5.5 now."


def test_the_same_lengths_are_no_shift() -> None:
    found = length_shift(np.arange(50), np.arange(50))
    assert (found.effect, found.p) == (0.0, 1.0)


def test_of_many_rows_a_small_gap_is_no_accident_and_stays_small() -> None:
    before, after = np.repeat([5, 6], [5000, 5000]), np.repeat([5, 6], [4500, 5500])
    found = length_shift(before, after)
    assert found.effect == pytest.approx(0.05)
    assert found.p < 1e-6
