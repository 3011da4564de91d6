"""Multi-label classification: metrics and losses worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from coldpress.kinds import task_kind
from coldpress.kinds.multi_label import MultiLabel

KIND = MultiLabel()
NAMES = ("a", "b", "c")
TARGETS = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0]])
# Predicted: a; a and c; none; none.
MARGINS = np.array([[0.0, -1.0, -2.0], [3.0, -0.1, 0.1], [-1.0, -1.0, -1.0], [-5.0, -5.0, -5.0]])


def test_it_is_registered() -> None:
    assert isinstance(task_kind("multi-label"), MultiLabel)


def test_micro_f1_counts_all_decisions_and_macro_f1_the_labels() -> None:
    """Hits a 2, b 0, c 0; predicted a 2, c 1; present a 2, b 2."""
    scores = KIND.scores(MARGINS, TARGETS)
    assert scores == pytest.approx({"micro_f1": 4 / 7, "macro_f1": 1 / 3})


def test_a_label_that_is_neither_present_nor_predicted_is_left_out_of_macro_f1() -> None:
    margins = np.where([[True, True, False]], MARGINS, -1.0)
    assert KIND.scores(margins, TARGETS)["macro_f1"] == pytest.approx(1 / 2)


def test_the_bootstrap_adds_up_the_counts_of_rows() -> None:
    counts = KIND.counts(MARGINS, TARGETS)
    assert counts.tolist() == [[1, 1, 1], [1, 2, 2], [0, 0, 0], [0, 0, 1]]
    twice_the_first = np.array([[2, 0, 0, 0], [0, 0, 1, 0]]) @ counts
    assert KIND.score_of_counts(twice_the_first).tolist() == [1, 0]


def test_a_row_scores_its_f1_and_one_without_labels_1() -> None:
    assert KIND.sample_scores(MARGINS, TARGETS, 1.0) == pytest.approx([1, 1 / 2, 1, 0])


def test_two_models_agree_on_the_rows_with_the_same_labels() -> None:
    assert KIND.agreement(MARGINS, MARGINS - [[0.0, 0.0, 0.2]], TARGETS) == 3 / 4


def test_the_score_of_a_group_is_the_recall_of_its_label() -> None:
    groups = KIND.target_groups(MARGINS, TARGETS, NAMES, 1.0)
    assert [(g.name, g.items, g.scores.tolist()) for g in groups] == [
        ("label a", (0, 1), [1, 1]),
        ("label b", (1, 3), [0, 0]),
    ]


def test_predictions_are_written_as_sorted_lists() -> None:
    assert KIND.prediction_texts(MARGINS, TARGETS, ("b", "a", "ä")) == [
        '["b"]',
        '["b", "ä"]',
        "[]",
        "[]",
    ]
    assert KIND.target_texts(TARGETS, ("b", "a", "ä"))[1] == '["a", "b"]'


def test_rows_are_stratified_by_their_rarest_label() -> None:
    """Label a occurs in three rows, b in two, c in one; a row without labels has no rarest."""
    rows = [(1, 0, 0), (1, 1, 0), (1, 1, 1), (0, 0, 0)]
    assert KIND.strata(rows) == [0, 1, 2, -1]


def test_the_hard_loss_is_the_negative_log_likelihood_of_a_rows_labels() -> None:
    outputs = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]])
    targets = torch.tensor([[1, 0], [1, 1]])
    first, second = -math.log(0.75 * 0.5), -math.log(0.5 * 0.5)
    assert float(KIND.hard_loss(outputs, targets)) == pytest.approx((first + second) / 2)
    assert float(KIND.hard_loss(outputs, targets, "sum")) == pytest.approx(first + second)


def test_the_soft_loss_is_the_divergence_from_the_teachers_probabilities() -> None:
    """Teacher 1/2, student 3/4: KL = 1/2 ln(2/3) + 1/2 ln 2, for one of two labels."""
    student = torch.tensor([[math.log(3), 0.0]])
    teacher = torch.zeros(1, 2)
    assert float(KIND.soft_loss(teacher, teacher, 2.0)) == pytest.approx(0, abs=1e-6)
    expected = 0.5 * math.log(2 / 3) + 0.5 * math.log(2)
    assert float(KIND.soft_loss(student, teacher, 1.0)) == pytest.approx(expected, abs=1e-6)
    assert float(KIND.soft_loss(2 * student, teacher, 2.0)) == pytest.approx(4 * expected, abs=1e-6)
