"""Intervals and tests, worked out by hand, published, or drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest, bootstrap
from sklearn.metrics import f1_score
from statsmodels.stats.contingency_tables import mcnemar as mcnemar_of_statsmodels
from statsmodels.stats.multitest import multipletests

from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.evaluation.statistics.paired import (
    accuracy_interval,
    detectable_drop,
    holm,
    macro_f1_interval,
    mcnemar,
    paired_interval,
)

Labels = NDArray[np.int64]
Rows = list[tuple[bool, bool, int]]


def _interval(rows: Rows) -> Interval:
    model, baseline, classes = (np.array(column) for column in zip(*rows, strict=True))
    return paired_interval(model, baseline, classes)


def _simulated_bounds(rows: Rows, seed: int) -> NDArray[np.float64]:
    """Resample rows within their classes, 10,000 times, and return the two bounds."""
    random = np.random.default_rng(seed)
    model, baseline, classes = (np.array(column) for column in zip(*rows, strict=True))
    outcome = model.astype(int) - baseline.astype(int)
    sums = np.zeros(10_000)
    for label in np.unique(classes):
        sums += random.choice(outcome[classes == label], (10_000, (classes == label).sum())).sum(1)
    return np.quantile(sums / len(rows), [0.025, 0.975])


def test_one_gain_in_four_rows_resamples_as_a_binomial_of_four() -> None:
    # P(0 of 4) = 0.316, so low is 0. P(more than 2) = 0.051, P(more than 3) = 0.004: high is 3.
    rows: Rows = [(True, False, 0), (True, True, 0), (False, False, 0), (True, True, 0)]
    assert _interval(rows) == Interval(estimate=0.25, low=0.0, high=0.75)


def test_swapping_the_models_negates_the_interval() -> None:
    rows: Rows = [(False, True, 0), (True, True, 0), (False, False, 0), (True, True, 0)]
    assert _interval(rows) == Interval(estimate=-0.25, low=-0.75, high=0.0)


def test_classes_keep_their_rows_in_every_resample() -> None:
    """Class 0 is won whole, 2 rows in every resample; class 1 wins 0 to 3 of its 4, as above."""
    wins: Rows = [(True, False, 0), (True, False, 0)]
    mixed: Rows = [(True, False, 1), (True, True, 1), (False, False, 1), (True, True, 1)]
    assert _interval(wins + mixed) == Interval(estimate=3 / 6, low=2 / 6, high=5 / 6)


@pytest.mark.parametrize(("rows", "bound"), [(7, 0.354330), (30, 0.113513), (500, 0.007624)])
def test_models_that_never_differ_may_still_differ_on_other_rows(rows: int, bound: float) -> None:
    """Resamples of equal outcomes are equal: the ends are Wilson's, 3.8415 / (rows + 3.8415)."""
    interval = _interval([(True, True, row % 3) for row in range(rows)])
    assert interval.estimate == 0.0
    assert (interval.low, interval.high) == pytest.approx((-bound, bound), abs=1e-6)


def test_the_exact_interval_equals_that_of_ten_thousand_resamples() -> None:
    random = np.random.default_rng(5)
    rows: Rows = [
        (bool(random.random() < 0.9), bool(random.random() < 0.92), int(random.integers(6)))
        for _ in range(500)
    ]
    interval = _interval(rows)
    for seed in range(3):
        assert _simulated_bounds(rows, seed) == pytest.approx(
            [interval.low, interval.high], abs=1 / 500 + 1e-9
        )


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), min_size=1))
def test_swapping_the_models_mirrors_the_interval(rows: Rows) -> None:
    interval = _interval(rows)
    mirrored = _interval([(baseline, model, label) for model, baseline, label in rows])
    assert mirrored.low == pytest.approx(-interval.high)
    assert mirrored.high == pytest.approx(-interval.low)
    assert -1 <= interval.low <= interval.high <= 1


def test_mcnemar_on_the_transplanted_children_of_fagerland_2013() -> None:
    # "The McNemar test for binary matched-pairs data", table 1: 1 and 7 discordant, p = 0.070.
    assert mcnemar(1, 7) == pytest.approx(2 * (1 + 8) / 2**8)
    assert mcnemar(7, 1) == mcnemar(1, 7)


def test_mcnemar_is_that_of_statsmodels() -> None:
    for wins, losses in ((3, 11), (9, 2), (6, 6), (0, 5)):
        theirs = mcnemar_of_statsmodels([[40, wins], [losses, 7]], exact=True).pvalue
        assert mcnemar(wins, losses) == pytest.approx(theirs, abs=1e-12)


def test_a_one_sided_test_detects_losses_only() -> None:
    # Five losses and no gain: 1 of 2^5 splits. One gain of five: 1 + 5 of 2^5.
    assert mcnemar(0, 5, "less") == pytest.approx(1 / 32)
    assert mcnemar(1, 4, "less") == pytest.approx(6 / 32)
    assert mcnemar(5, 0, "less") == 1.0
    assert mcnemar(0, 0, "less") == 1.0


def test_holm_multiplies_the_smallest_most_and_keeps_the_order() -> None:
    # Sorted: 0.01 x 4, 0.02 x 3, 0.03 x 2, 0.5 x 1; an adjusted p is never below an earlier one.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.4, 0.9]) == pytest.approx([0.8, 0.9])
    assert holm([]) == []


def test_holm_is_that_of_statsmodels() -> None:
    p_values = np.random.default_rng(0).random(40) ** 4
    assert holm(list(p_values)) == pytest.approx(multipletests(p_values, method="holm")[1])


@pytest.mark.parametrize(
    ("rows", "alpha", "drop"),
    [
        (40, 0.05, 5 / 40),  # 2^-4 is 0.0625 and 2^-5 is 0.031
        (40, 0.05 / 77, 11 / 40),  # 2^-10 is 0.00098 and 2^-11 is 0.00049
        (40, 0.03125, 6 / 40),  # below, not at
        (5, 0.05, 1.0),
        (4, 0.05, None),
    ],
)
def test_the_smallest_drop_that_rows_can_show(rows: int, alpha: float, drop: float | None) -> None:
    assert detectable_drop(rows, alpha) == drop


@given(st.integers(1, 60), st.integers(1, 100))
def test_a_detectable_drop_is_detected_and_one_row_less_is_not(rows: int, tests: int) -> None:
    drop = detectable_drop(rows, 0.05 / tests)
    needed = rows if drop is None else round(drop * rows)
    assert (mcnemar(0, needed, "less") < 0.05 / tests) is (drop is not None)
    if drop is not None:
        assert mcnemar(0, needed - 1, "less") >= 0.05 / tests


def _classified(rows: int, labels: int, seed: int = 1) -> tuple[Labels, Labels, Labels]:
    """A model, a slightly better baseline and the classes: 7 % and 10 % wrong, roughly."""
    random = np.random.default_rng(seed)
    classes = np.arange(rows) % labels
    baseline = np.where(random.random(rows) < 0.07, random.integers(0, labels, rows), classes)
    model = np.where(random.random(rows) < 0.04, random.integers(0, labels, rows), baseline)
    return model, baseline, classes


def test_an_accuracy_interval_is_that_of_scipy_to_the_third_digit() -> None:
    model, baseline, _ = _classified(3000, 5)
    classes = np.zeros(3000, dtype=np.int64)
    correct = (model % 2 == 0, baseline % 2 == 0)
    ours = paired_interval(*correct, classes)
    theirs = bootstrap(
        correct,
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        paired=True,
        method="percentile",
        n_resamples=40_000,
        batch=2000,
        rng=0,
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=5e-4)


def test_a_macro_f1_interval_is_that_of_rows_drawn_one_by_one() -> None:
    model, baseline, classes = _classified(400, 4)
    interval = macro_f1_interval(model, baseline, classes)
    assert interval is not None
    score = f1_score(classes, model, average="macro") - f1_score(classes, baseline, average="macro")
    assert interval.estimate == pytest.approx(score)
    random = np.random.default_rng(8)
    rows = [np.flatnonzero(classes == label) for label in range(4)]
    sample = np.concatenate(
        [random.choice(of_class, (3000, len(of_class))) for of_class in rows], axis=1
    )
    theirs = _macro_f1(model[sample], classes[sample]) - _macro_f1(
        baseline[sample], classes[sample]
    )
    # A bound of 3000 resamples is itself a draw: one row of 400 is 0.0025.
    expected = np.quantile(theirs, [0.025, 0.975])
    assert [interval.low, interval.high] == pytest.approx(expected, abs=0.0025)


def _macro_f1(predictions: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Macro F1 of each resample, shape (resamples,)."""
    scores = [
        2
        * ((predictions == label) & (classes == label)).sum(1)
        / ((predictions == label).sum(1) + 100)
        for label in range(4)
    ]
    return np.asarray(np.mean(scores, axis=0))


def test_a_macro_f1_interval_of_banking77_does_not_depend_on_the_seed() -> None:
    rows = _classified(3080, 77)
    by_seed = [macro_f1_interval(*rows, seed=seed) for seed in range(3)]
    intervals = [interval for interval in by_seed if interval is not None]
    assert np.ptp([interval.low for interval in intervals]) < 1e-3
    assert np.ptp([interval.high for interval in intervals]) < 1e-3
    assert intervals[0].low < intervals[0].estimate < intervals[0].high < 0
    assert macro_f1_interval(*rows) == intervals[0]


def test_models_that_answer_alike_have_no_interval_of_no_width_in_macro_f1() -> None:
    model, _, classes = _classified(50, 3)
    assert macro_f1_interval(model, model, classes) is None


def test_macro_f1_resamples_keep_the_rows_of_each_class() -> None:
    # Class 0 is lost and class 1 kept in every draw of their rows: F1 of 0, and of 20 / 30. With
    # the classes drawn as well, it would differ from draw to draw.
    classes = np.repeat([0, 1], 10)
    assert macro_f1_interval(np.ones_like(classes), classes, classes) is None


def test_a_label_without_rows_and_predictions_is_no_class() -> None:
    classes = np.array([0, 0, 2, 2])
    interval = macro_f1_interval(np.array([0, 0, 0, 2]), classes, classes)
    assert interval is not None
    assert interval.estimate == pytest.approx((4 / 5 + 2 / 3) / 2 - 1)


def test_a_predicted_label_without_rows_counts_as_a_class() -> None:
    # As scikit-learn counts: F1 of 0 for label 2, so that two perfect classes come to 2 / 3.
    classes = np.array([0, 0, 0, 1])
    model = np.array([0, 0, 2, 1])
    interval = macro_f1_interval(model, classes, classes)
    assert interval is not None
    assert interval.estimate == pytest.approx((0.8 + 1 + 0) / 3 - 1)


def test_equal_wins_and_losses_have_a_p_value_of_one() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(4, 4) == 1.0


@pytest.mark.parametrize(
    ("correct", "rows", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)],
)
def test_accuracy_intervals_of_newcombe_1998(
    correct: int, rows: int, low: float, high: float
) -> None:
    # "Two-sided confidence intervals for the single proportion", table I, method 3.
    interval = accuracy_interval(correct, rows)
    assert interval.estimate == correct / rows
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("rows", [1, 7, 600])
def test_accuracy_intervals_are_those_of_scipy(rows: int) -> None:
    for correct in range(rows + 1):
        ours = accuracy_interval(correct, rows)
        theirs = binomtest(correct, rows).proportion_ci(confidence_level=0.95, method="wilson")
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
