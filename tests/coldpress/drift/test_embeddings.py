from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from coldpress.drift.embeddings import embedding_shift


def points(*at: float) -> NDArray[np.float32]:
    """On a line, shape (rows, 1)."""
    return np.array(at, dtype=np.float32)[:, None]


def cloud(rows: int, seed: int) -> NDArray[np.float32]:
    """Around the origin, in five dimensions."""
    return np.random.default_rng(seed).normal(size=(rows, 5)).astype(np.float32)


def test_the_effect_is_worked_out_from_mean_distances() -> None:
    """Across 11, 12, 9 and 10, on average 10.5; within 1 and 2: (21 - 3) / 21."""
    shift = embedding_shift(points(0, 1), points(10, 12))
    assert shift.effect == pytest.approx((18 / 21.0) ** 0.5)
    assert shift.sentence == (
        "A new text is 600 % farther from an earlier one than texts of the same set are from "
        "each other."
    )


def test_the_p_value_is_that_of_a_permutation_test() -> None:
    """Of the 6 ways to split 4 rows into pairs, 2 separate the low from the high values."""
    assert embedding_shift(points(0, 1), points(10, 12)).p == pytest.approx(1 / 3, abs=0.05)


def test_shifted_embeddings_are_detected() -> None:
    shift = embedding_shift(cloud(40, 0), cloud(60, 1) + 1)
    assert shift.p == 0.001
    assert shift.effect > 0.2


def test_embeddings_with_a_larger_variance_are_detected() -> None:
    assert embedding_shift(cloud(60, 0), 2 * cloud(60, 1)).p == 0.001


def test_two_draws_of_one_cloud_are_no_shift() -> None:
    shifts = [embedding_shift(cloud(40, 2 * n), cloud(40, 2 * n + 1)) for n in range(20)]
    assert sum(shift.p < 0.05 for shift in shifts) <= 3
    assert max(shift.effect for shift in shifts) < 0.2


def test_texts_that_all_lie_on_one_spot_are_no_shift() -> None:
    shift = embedding_shift(points(3, 3, 3), points(3, 3))
    assert (shift.effect, shift.p) == (0.0, 1.0)


def test_the_same_rows_give_the_same_p_value() -> None:
    assert embedding_shift(cloud(9, 0), cloud(9, 1)) == embedding_shift(cloud(9, 0), cloud(9, 1))
