from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldpress.drift.labels import label_shift

NAMES = ("calm", "fast", "warm")


def rows(*counts: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """So many rows of each label."""
    return np.repeat(np.arange(len(counts)), counts)


def test_the_effect_is_the_share_of_rows_that_would_have_to_change_their_label() -> None:
    found = label_shift(rows(50, 50, 0), rows(16, 2, 2), NAMES)
    assert found.effect == pytest.approx(0.4)
    assert found.p == 0.001
    assert found.sentence == "fast went from 50 % of the rows to 10 %, more than any other."


def test_the_p_value_is_that_of_all_tables_with_these_sums() -> None:
    """Of the 20 ways to deal 3 and 3 labels to 3 and 3 rows, 2 keep each to itself."""
    assert label_shift(rows(3, 0), rows(0, 3), NAMES[:2]).p == pytest.approx(0.1, abs=0.03)


def test_the_same_shares_of_other_many_rows_are_no_shift() -> None:
    found = label_shift(rows(10, 20, 10), rows(100, 200, 100), NAMES)
    assert (found.effect, found.p) == (0.0, 1.0)
    assert found.sentence == "Each label is as frequent as it was."


def test_a_label_that_nobody_has_changes_nothing() -> None:
    with_it = label_shift(rows(9, 3, 0), rows(3, 9, 0), NAMES)
    assert with_it == label_shift(rows(9, 3), rows(3, 9), NAMES[:2])


def test_of_a_single_label_there_is_nothing_to_shift() -> None:
    assert label_shift(rows(5, 0), rows(7, 0), NAMES[:2]).p == 1.0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=1), st.lists(st.integers(0, 2), min_size=1))
def test_there_and_back_is_equally_far(one: list[int], other: list[int]) -> None:
    there = label_shift(np.array(one), np.array(other), NAMES)
    back = label_shift(np.array(other), np.array(one), NAMES)
    assert there.effect == pytest.approx(back.effect)
    assert 0 <= there.effect <= 1
