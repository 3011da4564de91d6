from __future__ import annotations

import numpy as np

from coldpress.data.ragged import Ragged, join_ragged


def test_arrays_of_different_lengths_come_back_in_64_bits() -> None:
    rows = join_ragged([Ragged.of([[1, 2], []]), (np.array([-1]),)])
    assert [row.tolist() for row in rows] == [[1, 2], [], [-1]]
    assert rows[-1].dtype == np.int64
    assert [row.tolist() for row in rows[:2]] == [[1, 2], []]
    assert rows.lengths.tolist() == [2, 0, 1]


def test_arrays_do_not_share_memory() -> None:
    rows = Ragged.of([[1, 2]])
    rows[0][0] = 7
    assert rows[0].tolist() == [1, 2]
