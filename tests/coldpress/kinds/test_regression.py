"""Regression: targets, losses and metrics worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr

from coldpress.data.rows import Rows
from coldpress.errors import InputError
from coldpress.kinds.regression import Regression, TargetColumns

KIND = Regression()
COLUMNS = TargetColumns(target="similarity")
TARGETS = np.array([0.0, 1.0, 2.0, 5.0])


def rows_of(*values: object) -> Rows:
    columns: dict[str, Sequence[Any]] = {"text": ["a"] * len(values), "similarity": list(values)}
    return Rows("benchmark.source.train: train.jsonl", "line", range(1, len(values) + 1), columns)


def outputs_of(*values: float) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)[:, None]


def test_numbers_and_texts_of_csv_files_are_targets() -> None:
    assert KIND.read_targets(rows_of(1, 2.5, "3.25", "-1e3"), COLUMNS, ()) == (1, 2.5, 3.25, -1000)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "is null or blank, not a number"),
        (" ", "is null or blank, not a number"),
        ("three", "is 'three', not a number"),
        ("2024_01", "is '2024_01', not a number"),
        (True, "is True, not a number"),
        ([1.0], "is [1.0], not a number"),
        (float("nan"), "is nan, not a finite number"),
        ("inf", "is inf, not a finite number"),
        (10**400, "not a number"),
    ],
)
def test_anything_else_is_refused_with_its_row(value: object, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        KIND.read_targets(rows_of(1.0, value), COLUMNS, ())
    message = str(caught.value)
    assert message.startswith("benchmark.source.train: train.jsonl line 2: 'similarity' is ")
    assert message.endswith(problem)


def test_training_rows_need_different_numbers() -> None:
    assert KIND.output_names(rows_of(1, 2), COLUMNS) == ("score",)
    with pytest.raises(InputError, match="'similarity' is 3 in every row"):
        KIND.output_names(rows_of(3, 3.0, "3"), COLUMNS)


def test_spearman_compares_ranks_and_equal_values_share_one() -> None:
    """Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5, variances 4.5 and 5."""
    scores = KIND.scores(outputs_of(0, 3, 3, 100), TARGETS)
    assert scores["spearman"] == pytest.approx(4.5 / (4.5 * 5) ** 0.5)
    assert KIND.main_score(outputs_of(0, 3, 3, 100), TARGETS) == scores["spearman"]


def test_pearson_compares_values() -> None:
    assert KIND.scores(outputs_of(1, 3, 5, 11), TARGETS)["pearson"] == pytest.approx(1.0)


def test_a_reversed_order_has_a_negative_correlation() -> None:
    scores = KIND.scores(outputs_of(3, 2, 1, -2), TARGETS)
    assert scores == pytest.approx({"spearman": -1.0, "pearson": -1.0})


def test_constant_predictions_have_no_correlation() -> None:
    assert KIND.scores(outputs_of(2, 2, 2, 2), TARGETS) == {"spearman": 0.0, "pearson": 0.0}


@settings(deadline=None)  # the first example imports scipy
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=30))
def test_correlations_are_those_of_scipy(pairs: list[tuple[int, int]]) -> None:
    outputs = outputs_of(*(float(first) for first, _ in pairs))
    targets = np.array([float(second) for _, second in pairs])
    if np.ptp(outputs) and np.ptp(targets):
        scores = KIND.scores(outputs, targets)
        assert scores["spearman"] == pytest.approx(spearmanr(outputs[:, 0], targets).statistic)
        assert scores["pearson"] == pytest.approx(pearsonr(outputs[:, 0], targets).statistic)


def test_closeness_is_the_error_as_a_share_of_the_range() -> None:
    scale = KIND.scale(TARGETS)
    assert scale == 5.0
    scores = KIND.sample_scores(outputs_of(0, 2, 0, -9), TARGETS, scale)
    assert scores.tolist() == pytest.approx([1.0, 0.8, 0.6, 0.0])


def test_closeness_of_equal_targets_is_measured_in_their_own_unit() -> None:
    assert KIND.scale(np.array([4.0])) == KIND.scale(np.array([])) == 1.0
    assert KIND.sample_scores(outputs_of(4.25), np.array([4.0]), 1.0).tolist() == [0.75]


def test_groups_are_quarters_of_the_targets() -> None:
    """The quartiles of 0, 0, 0, 0, 1, 2, 3, 5 are 0, 0.5 and 2.25."""
    targets = np.array([3, 0, 0, 1, 5, 0, 2, 0.0])
    outputs = outputs_of(3, 0, 0, 0, 5, 0, 2, 5)  # errors of 1 and 5 in rows 3 and 7
    groups = KIND.target_groups(outputs, targets, ("score",), KIND.scale(targets))
    assert [(group.name, group.items, group.scores.tolist()) for group in groups] == [
        ("target 0", (1, 2, 5, 7), [1, 1, 1, 0]),
        ("target 1 to 2", (3, 6), [0.8, 1]),
        ("target 3 to 5", (0, 4), [1, 1]),
    ]


def test_splits_are_stratified_by_quarter() -> None:
    assert KIND.strata((0.0, 1.0, 2.0, 3.0)) == [0, 1, 2, 3]
    assert KIND.strata(()) == []


def test_the_losses_are_squared_errors() -> None:
    outputs = torch.tensor([[1.0], [3.0]])
    targets = torch.tensor([2.0, 0.0], dtype=torch.float64)
    assert float(KIND.hard_loss(outputs, targets)) == 5.0
    assert float(KIND.hard_loss(outputs, targets, "sum")) == 10.0
    assert float(KIND.soft_loss(outputs, torch.tensor([[1.0], [1.0]]), 4.0)) == 2.0


def test_agreement_is_the_correlation_of_two_models() -> None:
    assert KIND.agreement(outputs_of(1, 2, 3), outputs_of(1, 2, 3), np.zeros(3)) == 1.0
    assert KIND.agreement(outputs_of(1, 2, 3), outputs_of(3, 2, 1), np.zeros(3)) == -1.0
    assert KIND.agreement(outputs_of(2, 2, 2), outputs_of(2, 2, 2), np.zeros(3)) == 1.0


def test_texts_of_reports() -> None:
    assert KIND.prediction_texts(outputs_of(1.23456, 2), np.zeros(2), ("score",)) == ["1.23", "2"]
    assert KIND.target_texts(np.array([3.8, 5.0]), ("score",)) == ["3.8", "5.0"]


def test_a_number_has_no_probability() -> None:
    assert KIND.confidence(outputs_of(1.0)) is None
