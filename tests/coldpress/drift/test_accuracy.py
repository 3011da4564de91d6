from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from coldpress.drift.accuracy import compare_accuracy
from coldpress.evaluation.predictions import Predictions
from coldpress.kinds import TEXT_CLASSIFICATION


def predict(ids: Sequence[str], correct: int, labels: Sequence[int] | None = None) -> Predictions:
    """Correct for the first rows, wrong for the others; label 0 unless given."""
    truth = np.zeros(len(ids), dtype=np.int64) if labels is None else np.array(labels)
    predicted = np.where(np.arange(len(ids)) < correct, truth, 1 - truth)
    logits = np.eye(2, dtype=np.float32)[predicted]
    return Predictions(tuple(ids), TEXT_CLASSIFICATION, ("no", "yes"), truth, {"onnx": logits})


def row_ids(start: int, count: int) -> list[str]:
    """Ids."""
    return [f"row-{n}" for n in range(start, start + count)]


def test_unseen_rows_are_an_independent_sample() -> None:
    change = compare_accuracy(predict(row_ids(0, 500), 450), predict(row_ids(500, 500), 400))
    assert change.same is None
    assert change.others is not None
    assert change.others.difference.estimate == pytest.approx(-0.1)
    assert change.others.difference.high < 0
    assert change.worse
    assert change.sentence == (
        "Accuracy on 500 rows outside its test split is 80 %, in its scorecard 90 %: -10 points, "
        "95 % interval -14.4 to -5.6."
    )


def test_a_loss_within_chance_is_not_reported() -> None:
    change = compare_accuracy(predict(row_ids(0, 100), 90), predict(row_ids(100, 50), 43))
    assert change.others is not None
    assert change.others.difference.estimate == pytest.approx(-0.04)
    assert not change.worse


def test_a_significant_loss_below_one_point_is_not_reported() -> None:
    change = compare_accuracy(
        predict(row_ids(0, 100_000), 90_000), predict(row_ids(100_000, 100_000), 89_100)
    )
    assert change.others is not None
    assert change.others.difference.high < 0
    assert not change.worse


def test_test_rows_are_compared_pairwise() -> None:
    """12 of 100 rows are lost: significant when paired, not for independent samples."""
    before = predict(row_ids(0, 100), 60)
    change = compare_accuracy(before, predict(row_ids(0, 100), 48))
    assert change.others is None
    assert change.same is not None
    assert (change.same.n, change.same.only_baseline_right, change.same.only_model_right) == (
        100,
        12,
        0,
    )
    assert change.worse
    assert change.sentence == (
        "Of 100 rows of its test split, 12 were predicted correctly then and wrongly now, "
        "0 the other way round."
    )


def test_the_same_predictions_for_the_worse_half_of_the_rows_are_no_loss() -> None:
    """As an independent sample this half would be worse by 20 points."""
    before = predict(row_ids(0, 200), 160)
    half = predict(row_ids(100, 100), 60)
    change = compare_accuracy(before, half)
    assert change.fresh.estimate == 0.6
    assert change.same is not None
    assert change.same.difference.estimate == 0
    assert not change.worse


def test_test_rows_and_new_rows_are_separated() -> None:
    change = compare_accuracy(predict(row_ids(0, 100), 100), predict(row_ids(60, 100), 100))
    assert change.same is not None
    assert change.others is not None
    assert (change.same.n, change.others.n) == (40, 60)


def test_a_row_with_another_label_is_another_row() -> None:
    before = predict(row_ids(0, 40), 40)
    change = compare_accuracy(before, predict(row_ids(0, 40), 40, labels=[1] * 10 + [0] * 30))
    assert change.same is not None
    assert change.others is not None
    assert (change.same.n, change.others.n) == (30, 10)
