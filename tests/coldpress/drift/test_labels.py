from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldpress.drift.labels import label_frequency_shift, label_shift

NAMES = ("calm", "fast", "warm")


def rows(*counts: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """So many rows of each label."""
    return np.repeat(np.arange(len(counts)), counts)


def test_the_effect_is_the_share_of_rows_that_would_have_to_change_their_label() -> None:
    shift = label_shift(rows(50, 50, 0), rows(16, 2, 2), NAMES)
    assert shift.effect == pytest.approx(0.4)
    assert shift.p == 0.001
    assert shift.sentence == "fast changed most, from 50 % of the rows to 10 %."


def test_the_p_value_is_that_of_all_tables_with_these_sums() -> None:
    """Of the 20 ways to split the 6 rows into threes, 2 separate the labels."""
    assert label_shift(rows(3, 0), rows(0, 3), NAMES[:2]).p == pytest.approx(0.1, abs=0.03)


def test_the_same_shares_of_more_rows_are_no_shift() -> None:
    shift = label_shift(rows(10, 20, 10), rows(100, 200, 100), NAMES)
    assert (shift.effect, shift.p) == (0.0, 1.0)
    assert shift.sentence == "Each label is as frequent as before."


def test_a_label_without_rows_changes_nothing() -> None:
    with_it = label_shift(rows(9, 3, 0), rows(3, 9, 0), NAMES)
    assert with_it == label_shift(rows(9, 3), rows(3, 9), NAMES[:2])


def test_a_single_label_cannot_shift() -> None:
    assert label_shift(rows(5, 0), rows(7, 0), NAMES[:2]).p == 1.0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=1), st.lists(st.integers(0, 2), min_size=1))
def test_the_effect_is_symmetric(first: list[int], second: list[int]) -> None:
    forth = label_shift(np.array(first), np.array(second), NAMES)
    back = label_shift(np.array(second), np.array(first), NAMES)
    assert forth.effect == pytest.approx(back.effect)
    assert 0 <= forth.effect <= 1


def test_frequencies_of_labels_of_which_a_row_may_have_several() -> None:
    """The first label is in 1/2 of the rows, then in all; the second always in 1/4.

    Effect: (1/2 + 0) / 2, divided by the mean of 1 label per row, here (3/4 + 5/4) / 2.
    """
    before = np.tile([[1, 0], [1, 0], [0, 1], [0, 0]], (50, 1))
    after = np.tile([[1, 0], [1, 0], [1, 1], [1, 0]], (50, 1))
    shift = label_frequency_shift(before, after, ("joy", "fear"))
    assert shift.effect == pytest.approx(1 / 4)
    assert shift.p == 1 / 1000
    assert shift.sentence == "joy changed most, from 50 % of the rows to 100."


def test_rows_of_the_same_kind_have_no_shift_of_frequencies() -> None:
    random = np.random.default_rng(0)
    labels = (random.random((300, 3)) < [0.1, 0.4, 0.02]).astype(np.int64)
    same = label_frequency_shift(labels, labels, ("a", "b", "c"))
    assert (same.effect, same.p) == (0, 1)
    assert same.sentence == "Each label is as frequent as before."
    halves = label_frequency_shift(labels[:150], labels[150:], ("a", "b", "c"))
    assert halves.p > 0.05
