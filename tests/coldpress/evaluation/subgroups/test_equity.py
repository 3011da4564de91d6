"""Comparison by group, with p-values adjusted over all groups."""

from __future__ import annotations

import numpy as np
import pytest

from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.evaluation.subgroups.equity import PairedRows, compare_groups, target_slices
from coldpress.evaluation.subgroups.slices import Slice
from coldpress.kinds import TEXT_CLASSIFICATION

ROWS = 20
LABELS = np.zeros(ROWS, dtype=np.int64)


def test_class_slices_skip_labels_without_rows() -> None:
    logits = {"teacher": np.zeros((3, 3), dtype=np.float32)}
    predictions = Predictions(
        ("a", "b", "c"), TEXT_CLASSIFICATION, ("cold", "mild", "warm"), np.array([2, 0, 2]), logits
    )
    assert target_slices(predictions) == [
        Slice("class", "label cold", (1,)),
        Slice("class", "label warm", (0, 2)),
    ]


def test_a_group_is_compared_on_its_own_rows() -> None:
    baseline = np.ones(ROWS, dtype=np.bool_)
    labels = np.zeros(ROWS, dtype=np.int64)
    model = np.arange(ROWS) >= 7  # the first seven are lost
    groups = [
        Slice("class", "lost", tuple(range(7))),
        Slice("pattern", "half", tuple(range(6, 8))),
        Slice("found", "kept", tuple(range(7, 20))),
    ]
    lost_group, half, unchanged = compare_groups(groups, PairedRows(model, baseline, labels, True))
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
    (group,) = compare_groups([every], PairedRows(model, baseline, LABELS, True))
    assert (group.difference.estimate, group.p, group.p_adjusted) == (1.0, 1.0, 1.0)


def test_the_interval_is_stratified_by_class_inside_the_group() -> None:
    # One class is lost whole, 10 rows in every resample; of the other, one row of ten is lost:
    # P(more than 3 of 10) = 0.013 and P(more than 2) = 0.070.
    labels = np.arange(ROWS) % 2
    baseline = np.ones(ROWS, dtype=np.bool_)
    model = (labels == 0) & (np.arange(ROWS) > 0)
    every = Slice("found", "all", tuple(range(ROWS)))
    (group,) = compare_groups([every], PairedRows(model, baseline, labels, True))
    assert group.difference == Interval(estimate=-11 / 20, low=-13 / 20, high=-10 / 20)


def test_groups_with_the_same_rows_are_tested_once() -> None:
    model = np.arange(ROWS) >= 7
    baseline = np.ones(ROWS, dtype=np.bool_)
    rows = tuple(range(7))
    groups = [Slice("class", "label lost", rows), Slice("pattern", "seven", tuple(range(7)))]
    (group,) = compare_groups(groups, PairedRows(model, baseline, LABELS, True))
    assert (group.name, group.p_adjusted) == ("label lost", 1 / 128)


def test_without_groups_the_result_is_empty() -> None:
    correct = np.ones(ROWS, dtype=np.bool_)
    assert compare_groups([], PairedRows(correct, correct, LABELS, True)) == ()
