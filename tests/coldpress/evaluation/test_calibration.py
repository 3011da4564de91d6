"""Confidence against accuracy worked out by hand, and the laws of the temperature."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from coldpress.evaluation.calibration import (
    calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability_bins,
)
from coldpress.evaluation.scorecard.scorecard import ReliabilityBin

Array = NDArray[Any]


@st.composite
def answered(draw: st.DrawFn) -> tuple[Array, Array]:
    """Logits of some rows, and labels that need not fit them."""
    rows, labels = draw(st.integers(1, 12)), draw(st.integers(2, 5))
    elements = st.floats(-60, 60, width=32)
    logits = draw(hnp.arrays(np.float32, (rows, labels), elements=elements))
    return logits, draw(hnp.arrays(np.int64, rows, elements=st.integers(0, labels - 1)))


def test_a_bin_has_the_mean_confidence_and_the_share_that_was_right() -> None:
    # 0.95 and 0.97 lie in (14/15, 1], 0.55 in (8/15, 9/15].
    logits = np.log([[0.95, 0.05], [0.03, 0.97], [0.45, 0.55]])
    unsure, sure = reliability_bins(logits, np.array([0, 0, 1]))
    assert (unsure.n, sure.n) == (1, 2)
    assert (unsure.accuracy, sure.accuracy) == (1.0, 0.5)
    assert (unsure.confidence, sure.confidence) == pytest.approx((0.55, 0.96))


def test_a_confidence_on_an_edge_belongs_to_the_bin_below() -> None:
    # One of three equal labels: 1/3 = 5/15 ends (4/15, 5/15], where 0.3 lies too.
    logits = np.log([[1.0, 1.0, 1.0, 1e-300], [0.3, 0.25, 0.25, 0.2]])
    (both,) = reliability_bins(logits, np.array([0, 0]))
    assert both.n == 2


def test_certainty_is_in_the_last_bin() -> None:
    logits = np.array([[1000.0, 0.0], [0.0, 1000.0]], dtype=np.float32)
    assert reliability_bins(logits, np.array([0, 1])) == (
        ReliabilityBin(n=2, confidence=1.0, accuracy=1.0),
    )


def test_calibration_error_weighs_the_gap_of_each_bin() -> None:
    # 0.95 twice, once right: |1.9 - 1| = 0.9. 0.55 once, right: |0.55 - 1| = 0.45.
    logits = np.log([[0.95, 0.05], [0.95, 0.05], [0.45, 0.55]])
    error = calibration_error(logits, np.array([0, 1, 1]))
    assert error == pytest.approx((0.9 + 0.45) / 3)


def test_a_model_that_is_sure_and_right_is_calibrated() -> None:
    logits = np.array([[100.0, 0.0], [0.0, 100.0]], dtype=np.float32)
    assert calibration_error(logits, np.array([0, 1])) == pytest.approx(0)


def test_gaps_of_opposite_sign_cancel_inside_a_bin_only() -> None:
    inside = np.log([[0.95, 0.05]] * 20)
    right_19_times = np.array([0] * 19 + [1])
    assert calibration_error(inside, right_19_times) == pytest.approx(0)
    across = np.log([[0.75, 0.25], [0.55, 0.45]])
    assert calibration_error(across, np.array([0, 1])) == pytest.approx((0.25 + 0.55) / 2)


def test_surprise_is_the_log_of_the_labels_probability() -> None:
    logits = np.log([[0.5, 0.5], [0.8, 0.2]])
    expected = (math.log(2) + math.log(5)) / 2
    assert negative_log_likelihood(logits, np.array([0, 1]), 1.0) == pytest.approx(expected)
    # At T = 2 the odds of 4 become 2.
    assert negative_log_likelihood(logits[1:], np.array([0]), 2.0) == pytest.approx(math.log(1.5))


@pytest.mark.parametrize(("odds", "expected"), [(81.0, 4.0), (3.0, 1.0), (math.sqrt(3), 0.5)])
def test_confidence_becomes_the_share_that_is_right(odds: float, expected: float) -> None:
    """Three of four rows are right: the odds of 3 are what fits, T = log(odds) / log(3)."""
    logits = np.log([[odds, 1.0]] * 4)
    assert fit_temperature(logits, np.array([0, 0, 0, 1])) == pytest.approx(expected, rel=1e-3)


def test_logits_without_an_error_keep_temperature_one() -> None:
    logits = np.array([[500.0, 0.0], [0.0, 1e-3], [3.0, 3.0]], dtype=np.float32)
    assert fit_temperature(logits, np.array([0, 1, 1])) == 1.0


def test_the_temperature_of_a_model_that_is_always_wrong_is_bounded() -> None:
    logits = np.array([[9.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    temperature = fit_temperature(logits, np.array([1, 1, 0]))
    assert 19 < temperature <= 20


def test_logits_near_zero_keep_temperature_one() -> None:
    logits = np.array([[1e-30, 0.0], [0.0, 1e-30]])
    assert fit_temperature(logits, np.array([1, 1])) == 1.0


@given(answered())
def test_a_temperature_surprises_no_more_than_none_and_changes_no_answer(
    case: tuple[Array, Array],
) -> None:
    logits, labels = case
    temperature = fit_temperature(logits, labels)
    assert 0.05 <= temperature <= 20
    assert temperature == float(f"{temperature:.4g}")
    calibrated, plain = (negative_log_likelihood(logits, labels, t) for t in (temperature, 1.0))
    assert calibrated <= plain
    wide = logits.astype(np.float64)
    assert ((wide / temperature).argmax(axis=1) == wide.argmax(axis=1)).all()


@given(answered())
def test_bins_hold_every_row_once_and_agree_with_the_error(case: tuple[Array, Array]) -> None:
    logits, labels = case
    bins = reliability_bins(logits, labels)
    assert sum(bin_.n for bin_ in bins) == len(labels)
    assert 0 <= calibration_error(logits, labels) <= 1
    right = sum(bin_.n * bin_.accuracy for bin_ in bins)
    assert right == pytest.approx((logits.argmax(axis=1) == labels).sum())


def test_each_independent_label_of_a_row_is_an_event() -> None:
    """Probabilities 3/4 and 1/4 for two rows; of the first label both are true, of the second one.

    Gaps: |3/4 - 1| and |1/4 - 1/2|, each for two of four events.
    """
    logits = np.array([[math.log(3), -math.log(3)], [math.log(3), -math.log(3)]])
    labels = np.array([[1, 0], [1, 1]])
    assert calibration_error(logits, labels) == pytest.approx(1 / 4)
    bins = reliability_bins(logits, labels)
    assert [(bin_.n, bin_.accuracy) for bin_ in bins] == [(2, 0.5), (2, 1.0)]


def test_the_temperature_of_independent_labels_is_that_of_their_likelihood() -> None:
    """Of four events with logit 4, three are true: the best probability is 3/4, the logit ln 3."""
    logits = np.array([[4.0, 4.0], [4.0, 4.0]])
    labels = np.array([[1, 1], [1, 0]])
    assert fit_temperature(logits, labels) == pytest.approx(4 / math.log(3), rel=1e-3)
    assert negative_log_likelihood(logits, labels, 4 / math.log(3)) == pytest.approx(
        -(3 * math.log(3 / 4) + math.log(1 / 4)) / 4
    )
    assert fit_temperature(logits, np.ones((2, 2), dtype=np.int64)) == 1
