"""Losses of document scores, worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from coldpress.kinds.ranking_losses import balanced_relevance_loss, score_and_margin_loss


def test_the_margin_loss_compares_pairs_of_a_query() -> None:
    """Differences to the teacher: 1 and 3 for one query, 5 for the other.

    Their squares have the mean 35 / 3. Pairs of the first query differ by 0, 2, -2 and 0: mean of
    squares 2 for each of its two rows; the other query has no pairs.
    """
    scores = torch.tensor([2.0, 4.0, 5.0])
    teacher = torch.tensor([1.0, 1.0, 0.0])
    loss = score_and_margin_loss(scores, teacher, torch.tensor([8, 8, 9]))
    assert float(loss) == pytest.approx(35 / 3 + 2 * 2 / 3)


def test_a_level_of_its_own_costs_no_margin() -> None:
    teacher = torch.tensor([0.0, 1.0, 3.0, 4.0])
    shift = torch.tensor([2.0, 2.0, -1.0, -1.0])
    loss = score_and_margin_loss(teacher + shift, teacher, torch.tensor([1, 1, 2, 2]))
    assert float(loss) == pytest.approx((4 + 4 + 1 + 1) / 4)


def test_relevant_and_other_documents_have_the_same_weight() -> None:
    """One relevant document with probability 1/4 of being so, three others with 1/4 each."""
    scores = torch.full((4,), -math.log(3))
    relevance = torch.tensor([1.0, 0.0, 0.0, 0.0])
    expected = (math.log(4) + math.log(4 / 3)) / 2
    assert float(balanced_relevance_loss(scores, relevance, "mean")) == pytest.approx(expected)
    assert float(balanced_relevance_loss(scores, relevance, "sum")) == pytest.approx(4 * expected)


def test_a_document_of_relevance_3_counts_three_times() -> None:
    """Among relevant documents with losses log 2 and log 4."""
    scores = torch.tensor([0.0, -math.log(3)])
    loss = balanced_relevance_loss(scores, torch.tensor([3.0, 1.0]), "mean")
    assert float(loss) == pytest.approx((3 * math.log(2) + math.log(4)) / 4)


def test_a_batch_without_relevant_documents_has_a_loss() -> None:
    loss = balanced_relevance_loss(torch.zeros(2), torch.zeros(2), "mean")
    assert float(loss) == pytest.approx(math.log(2))
