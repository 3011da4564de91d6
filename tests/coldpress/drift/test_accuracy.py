from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from coldpress.drift.accuracy import compare_accuracy
from coldpress.evaluation.predictions import Predictions


def answers(ids: Sequence[str], right: int, labels: Sequence[int] | None = None) -> Predictions:
    """The first rows answered rightly, the others wrongly; label 0 but where it is said."""
    known = np.zeros(len(ids), dtype=np.int64) if labels is None else np.array(labels)
    said = np.where(np.arange(len(ids)) < right, known, 1 - known)
    logits = np.eye(2, dtype=np.float32)[said]
    return Predictions(tuple(ids), ("no", "yes"), known, {"onnx": logits})


def named(start: int, count: int) -> list[str]:
    """Ids."""
    return [f"row-{n}" for n in range(start, start + count)]


def test_rows_that_are_new_to_it_are_another_sample() -> None:
    found = compare_accuracy(answers(named(0, 500), 450), answers(named(500, 500), 400))
    assert found.same is None
    assert found.others is not None
    assert found.others.difference.estimate == pytest.approx(-0.1)
    assert found.others.difference.high < 0
    assert found.worse
    assert found.sentence == (
        "Of 500 rows that it was not judged on it answers 80 % rightly, where its scorecard says "
        "90 %: -10 points, 95 % interval -14.4 to -5.6."
    )


def test_a_loss_that_chance_explains_is_none() -> None:
    found = compare_accuracy(answers(named(0, 100), 90), answers(named(100, 50), 43))
    assert found.others is not None
    assert found.others.difference.estimate == pytest.approx(-0.04)
    assert not found.worse


def test_a_loss_of_less_than_a_point_wakes_nobody_however_sure_it_is() -> None:
    found = compare_accuracy(
        answers(named(0, 100_000), 90_000), answers(named(100_000, 100_000), 89_100)
    )
    assert found.others is not None
    assert found.others.difference.high < 0
    assert not found.worse


def test_rows_that_it_was_judged_on_are_compared_with_themselves() -> None:
    """It loses 12 of 100 that it knew: more than chance, though as another sample it were none."""
    before = answers(named(0, 100), 60)
    found = compare_accuracy(before, answers(named(0, 100), 48))
    assert found.others is None
    assert found.same is not None
    assert (found.same.n, found.same.only_baseline_right, found.same.only_model_right) == (
        100,
        12,
        0,
    )
    assert found.worse
    assert found.sentence == (
        "Of 100 rows that it was judged on, it answers 12 wrongly that it answered rightly then, "
        "and 0 the other way round."
    )


def test_the_same_answers_to_the_same_rows_are_no_loss_although_half_of_them_was_drawn() -> None:
    """The fresh half is its worse half: as another sample it would be worse by 20 points."""
    before = answers(named(0, 200), 160)
    half = answers(named(100, 100), 60)
    found = compare_accuracy(before, half)
    assert found.fresh.estimate == 0.6
    assert found.same is not None
    assert found.same.difference.estimate == 0
    assert not found.worse


def test_both_are_told_apart_row_by_row() -> None:
    found = compare_accuracy(answers(named(0, 100), 100), answers(named(60, 100), 100))
    assert found.same is not None
    assert found.others is not None
    assert (found.same.n, found.others.n) == (40, 60)


def test_a_row_with_another_label_is_another_row() -> None:
    before = answers(named(0, 40), 40)
    found = compare_accuracy(before, answers(named(0, 40), 40, labels=[1] * 10 + [0] * 30))
    assert found.same is not None
    assert found.others is not None
    assert (found.same.n, found.others.n) == (30, 10)
