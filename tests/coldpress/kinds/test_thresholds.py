"""Thresholds of labels: the largest micro F1 of the rows that they are fitted to."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from coldpress.kinds import KINDS
from coldpress.kinds import thresholds as fitting
from coldpress.kinds.multi_label import MultiLabel
from coldpress.kinds.thresholds import fit_thresholds, fitted_margins

KIND = MultiLabel()


@pytest.fixture
def own_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also rare labels get a threshold of their own."""
    monkeypatch.setattr(fitting, "MIN_LABELLED_ROWS", 0)


@pytest.mark.usefixtures("own_thresholds")
def test_a_label_that_ranks_its_rows_first_is_cut_between_them_and_the_others() -> None:
    outputs = np.array([[-3.0, 5.0], [-1.0, 1.0], [-2.0, 4.0], [-6.0, 2.0]])
    targets = np.array([[0, 1], [1, 0], [1, 1], [0, 0]])
    assert fit_thresholds(outputs, targets).tolist() == [-2.5, 3.0]


@pytest.mark.usefixtures("own_thresholds")
def test_no_other_thresholds_have_a_larger_micro_f1() -> None:
    """All cuts of three labels in eight rows are tried."""
    random = np.random.default_rng(3)
    targets = random.integers(0, 2, size=(8, 3))
    outputs = random.normal(size=(8, 3)) + targets
    best = max(
        KIND.main_score(outputs - np.array(cuts), targets)
        for cuts in product(*[[*column, 9.0] for column in outputs.T.tolist()])
    )
    assert KIND.main_score(outputs - fit_thresholds(outputs, targets), targets) == best


@pytest.mark.usefixtures("own_thresholds")
def test_rows_with_equal_outputs_are_predicted_together() -> None:
    outputs = np.array([[1.0], [1.0], [0.0]])
    targets = np.array([[1], [0], [0]])
    assert fit_thresholds(outputs, targets).tolist() == [0.5]


def rare_label() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """60 rows with the first label, and a single one with the second, at another output."""
    outputs = np.stack([np.linspace(-1, 1, 120), np.full(120, -9.0)], axis=1)
    targets = np.stack([np.arange(120) >= 60, np.arange(120) == 0], axis=1).astype(np.int64)
    outputs[0, 1] = -8.0
    return outputs, targets


def test_a_rare_label_gets_the_common_threshold() -> None:
    first, second = fit_thresholds(*rare_label())
    assert first == pytest.approx(0, abs=0.01)
    assert second == pytest.approx(first)


@pytest.mark.usefixtures("own_thresholds")
def test_a_frequent_label_would_get_its_own() -> None:
    assert fit_thresholds(*rare_label())[1] == -8.5


def test_only_independent_labels_have_thresholds() -> None:
    outputs = np.array([[2.0, 1.0]])
    same = fitted_margins(KINDS["text-classification"], outputs, np.array([0]))
    assert same.tolist() == [[2.0, 1.0]]
    margins = fitted_margins(KIND, outputs, np.array([[1, 0]]))
    assert margins.tolist() == [[0.5, -0.5]]
