"""Comparison by group, with p-values adjusted over all groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.evaluation.subgroups.equity import (
    PairedGroup,
    compare_groups,
    slice_groups,
    target_groups,
)
from coldpress.evaluation.subgroups.slices import Slice
from coldpress.kinds import TEXT_CLASSIFICATION

Labels = NDArray[np.int64]

ROWS = 20
LABELS = np.zeros(ROWS, dtype=np.int64)


def groups_of(
    slices: Sequence[Slice], model: NDArray[np.bool_], baseline: NDArray[np.bool_], labels: Labels
) -> list[PairedGroup]:
    """Slices of rows that two classifiers predict correctly or not; row numbers are ids."""
    correct = {"teacher": baseline, "onnx": model}
    logits = {
        name: np.eye(3, dtype=np.float32)[np.where(hits, labels, 2)]
        for name, hits in correct.items()
    }
    ids = tuple(str(row) for row in range(ROWS))
    predictions = Predictions(ids, TEXT_CLASSIFICATION, ("no", "yes", "wrong"), labels, logits)
    return slice_groups(slices, predictions)


def test_classes_without_rows_are_skipped() -> None:
    """Both models predict `cold` for every row."""
    outputs = np.array([[1, 0, 0]] * 3, dtype=np.float32)
    predictions = Predictions(
        ("a", "b", "c"),
        TEXT_CLASSIFICATION,
        ("cold", "mild", "warm"),
        np.array([2, 0, 2]),
        {"teacher": outputs, "onnx": outputs},
    )
    cold, warm = target_groups(predictions)
    assert (cold.kind, cold.name, cold.items, cold.strata.tolist()) == (
        "class",
        "label cold",
        (1,),
        [0],
    )
    assert (warm.name, warm.items, warm.model.tolist()) == ("label warm", (0, 2), [0, 0])


def test_scores_of_0_and_1_are_compared_exactly_whatever_the_kind() -> None:
    """Six of six lost: p = 2^-6; with one score of a half the permutation test takes over."""
    baseline, model, strata = np.ones(6), np.zeros(6), np.zeros(6, dtype=np.int64)
    exact = PairedGroup("target", "recall", tuple(range(6)), model, baseline, strata)
    assert compare_groups([exact])[0].p == 1 / 64
    half = PairedGroup("target", "half", tuple(range(6)), model + 0.5, baseline, strata)
    assert compare_groups([half])[0].p == pytest.approx(1 / 64, abs=0.005)
    assert compare_groups([half])[0].p != 1 / 64


def test_items_of_one_sample_are_compared_together() -> None:
    """Two lost texts of three entities each, and four unchanged texts: p = 1 / 4, not 1 / 64.

    A resample without either has a probability of (4 / 6)^6 = 0.088, so 0 is in the interval.
    """
    texts = np.repeat(np.arange(6), 3)
    baseline, strata = np.ones(18), np.zeros(18, dtype=np.int64)
    model = (texts >= 2).astype(np.float64)
    group = PairedGroup("class", "entity", tuple(range(18)), model, baseline, strata, texts)
    (record,) = compare_groups([group])
    assert record.p == pytest.approx(1 / 4, abs=0.02)
    assert (record.n, record.before, record.after) == (18, 1.0, 2 / 3)
    assert record.difference.estimate == pytest.approx(-1 / 3)
    assert (record.difference.low, record.difference.high) == pytest.approx((-2 / 3, 0.0))
    # Six texts with a standard error of 3 x 0.516 / sqrt(6) entities, three entities a text.
    assert record.detectable_drop == pytest.approx(1.645 * 0.2108, rel=1e-3)


def test_one_item_of_each_sample_is_compared_exactly() -> None:
    baseline, model, strata = np.ones(6), np.zeros(6), np.zeros(6, dtype=np.int64)
    group = PairedGroup("class", "entity", tuple(range(6)), model, baseline, strata, np.arange(6))
    assert compare_groups([group])[0].p == 1 / 64


def test_equal_items_of_few_samples_need_a_loss_to_be_detected() -> None:
    """Without any spread, five of the ten entities would have to be lost: 2^-5 is below 0.05."""
    scores, strata = np.ones(10), np.zeros(10, dtype=np.int64)
    texts = np.repeat(np.arange(5), 2)
    group = PairedGroup("class", "entity", tuple(range(10)), scores, scores, strata, texts)
    assert compare_groups([group])[0].detectable_drop == 0.5


def test_a_group_is_compared_on_its_own_rows() -> None:
    baseline = np.ones(ROWS, dtype=np.bool_)
    labels = np.zeros(ROWS, dtype=np.int64)
    model = np.arange(ROWS) >= 7  # the first seven are lost
    groups = [
        Slice("class", "lost", tuple(range(7))),
        Slice("pattern", "half", tuple(range(6, 8))),
        Slice("found", "kept", tuple(range(7, 20))),
    ]
    lost_group, half, unchanged = compare_groups(groups_of(groups, model, baseline, labels))
    assert (
        lost_group.kind,
        lost_group.name,
        lost_group.n,
        lost_group.before,
        lost_group.after,
    ) == (
        "class",
        "lost",
        7,
        1.0,
        0.0,
    )
    # 7 of 7 lost: Wilson says 0.646 to 1, and 0 to 0.354 of none won; -1 + sqrt(2) x 0.354.
    assert (lost_group.difference.estimate, lost_group.difference.low) == (-1.0, -1.0)
    assert lost_group.difference.high == pytest.approx(-0.498902, abs=1e-6)
    # Three groups: Holm multiplies the smallest p, 2^-7, by 3, the next, 1/2, by 2.
    assert (lost_group.p, lost_group.p_adjusted) == pytest.approx((1 / 128, 3 / 128))
    assert (half.p, half.p_adjusted) == pytest.approx((0.5, 1.0))
    assert (unchanged.p, unchanged.p_adjusted, unchanged.difference.estimate) == (1.0, 1.0, 0.0)
    # 2^-6 = 0.0156 and 2^-5 = 0.031, where 0.05 / 3 is 0.0167: six rows must be lost.
    assert [g.detectable_drop for g in (lost_group, half, unchanged)] == [6 / 7, None, 6 / 13]


def test_a_gain_is_not_counted_as_a_loss() -> None:
    model = np.ones(ROWS, dtype=np.bool_)
    baseline = np.zeros(ROWS, dtype=np.bool_)
    every = Slice("length", "all", tuple(range(ROWS)))
    (group,) = compare_groups(groups_of([every], model, baseline, LABELS))
    assert (group.difference.estimate, group.p, group.p_adjusted) == (1.0, 1.0, 1.0)


def test_the_interval_is_stratified_by_class_inside_the_group() -> None:
    # One class is lost whole, 10 rows in every resample; of the other, one row of ten is lost:
    # P(more than 3 of 10) = 0.013 and P(more than 2) = 0.070.
    labels = np.arange(ROWS) % 2
    baseline = np.ones(ROWS, dtype=np.bool_)
    model = (labels == 0) & (np.arange(ROWS) > 0)
    every = Slice("found", "all", tuple(range(ROWS)))
    (group,) = compare_groups(groups_of([every], model, baseline, labels))
    assert group.difference == Interval(estimate=-11 / 20, low=-13 / 20, high=-10 / 20)


def test_groups_with_the_same_rows_are_tested_once() -> None:
    model = np.arange(ROWS) >= 7
    baseline = np.ones(ROWS, dtype=np.bool_)
    rows = tuple(range(7))
    groups = [Slice("class", "label lost", rows), Slice("pattern", "seven", tuple(range(7)))]
    (group,) = compare_groups(groups_of(groups, model, baseline, LABELS))
    assert (group.name, group.p_adjusted) == ("label lost", 1 / 128)


def test_without_groups_the_result_is_empty() -> None:
    assert compare_groups([]) == ()
