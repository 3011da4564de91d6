"""Text classification: metrics and losses worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from coldpress.kinds import TEXT_CLASSIFICATION

LABELS = np.array([0, 0, 0, 1, 1, 2])
OUTPUTS = np.eye(3)[[0, 0, 1, 1, 1, 0]]
NAMES = ("a", "b", "c")


def test_accuracy_is_the_share_of_correct_rows() -> None:
    assert TEXT_CLASSIFICATION.main_score(OUTPUTS, LABELS) == pytest.approx(4 / 6)


def test_macro_f1_is_the_mean_over_classes_however_rare() -> None:
    scores = TEXT_CLASSIFICATION.scores(OUTPUTS, LABELS)
    assert scores == pytest.approx({"accuracy": 4 / 6, "macro_f1": (2 / 3 + 0.8 + 0) / 3})


def test_a_row_scores_one_or_nothing() -> None:
    assert TEXT_CLASSIFICATION.sample_scores(OUTPUTS, LABELS, 1.0).tolist() == [1, 1, 0, 1, 1, 0]


def test_agreement_counts_common_mistakes_too() -> None:
    first = np.eye(3)[[0, 1, 1, 2]]
    second = np.eye(3)[[0, 1, 2, 2]]
    assert TEXT_CLASSIFICATION.agreement(first, second, LABELS[:4]) == 0.75


def test_confidence_is_the_probability_of_the_predicted_label() -> None:
    confidence = TEXT_CLASSIFICATION.confidence(np.array([[0.0, math.log(3)], [0.0, 0.0]]))
    assert confidence is not None
    assert confidence == pytest.approx([0.75, 0.5])


def test_groups_are_the_classes_that_have_rows() -> None:
    """Predictions are c, c and a: the recall of class c is a half."""
    outputs = np.array([[0, 0, 1], [0, 0, 1], [1, 0, 0.0]])
    groups = TEXT_CLASSIFICATION.target_groups(outputs, np.array([2, 0, 2]), NAMES, 1.0)
    assert [(group.name, group.items, group.scores.tolist()) for group in groups] == [
        ("label a", (1,), [0]),
        ("label c", (0, 2), [1, 0]),
    ]


def test_every_row_is_a_sample() -> None:
    assert TEXT_CLASSIFICATION.samples(np.array([2, 0, 2])).tolist() == [0, 1, 2]


def test_texts_are_label_names() -> None:
    assert TEXT_CLASSIFICATION.prediction_texts(OUTPUTS[:3], LABELS[:3], NAMES) == ["a", "a", "b"]
    assert TEXT_CLASSIFICATION.target_texts(LABELS[-2:], NAMES) == ["b", "c"]


def test_the_hard_loss_is_the_cross_entropy() -> None:
    outputs = torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])
    targets = torch.tensor([1, 0])
    total = math.log(4 / 3) + math.log(2)
    assert float(TEXT_CLASSIFICATION.hard_loss(outputs, targets, "sum")) == pytest.approx(total)
    assert float(TEXT_CLASSIFICATION.hard_loss(outputs, targets)) == pytest.approx(total / 2)


def test_the_soft_loss_is_the_divergence_of_softened_distributions() -> None:
    """T = 2 halves the logits: the teacher's probabilities are 1/4 and 3/4, the student's 1/2."""
    teacher = torch.tensor([[0.0, 2 * math.log(3)]])
    student = torch.zeros(1, 2)
    divergence = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    loss = TEXT_CLASSIFICATION.soft_loss(student, teacher, 2.0)
    assert float(loss) == pytest.approx(4 * divergence)
