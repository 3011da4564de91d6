"""Numbers worked out by hand with trec_eval's formulas."""

from __future__ import annotations

import numpy as np
import pytest

from coldpress.kinds.retrieval import (
    best_numbers,
    judgement_rows,
    ndcg,
    rank_documents,
    recall,
    shared_ranks,
)


def test_judgements_have_rows_of_equal_length() -> None:
    assert judgement_rows([{12: 1, 40: 2}, {7: 1}]) == ((12, 1, 40, 2), (7, 1, -1, 0))


def test_ndcg_of_one_relevant_document_is_its_discount() -> None:
    """Rank 1: 1; rank 2: 1 / log2(3) = 0.6309; rank 4: 1 / log2(5) = 0.4307; beyond rank 10: 0."""
    rankings = np.array([[5, *range(10, 20)], [9, 5, *range(10, 19)], [1, 2, 3, 5, *range(10, 17)]])
    late = np.array([[*range(10, 20), 5]])
    judgements = np.array([[5, 1]] * 3)
    assert ndcg(rankings, judgements) == pytest.approx([1.0, 0.63093, 0.43068], abs=1e-5)
    assert ndcg(late, judgements[:1]).tolist() == [0.0]


def test_ndcg_weights_documents_by_their_grade() -> None:
    """Gain 1 + 2 / log2(3) = 2.26186 of 2 + 1 / log2(3) = 2.63093."""
    value = ndcg(np.array([[40, 12, 3]]), np.array([[12, 2, 40, 1, -1, 0]]))
    assert value == pytest.approx([0.85972], abs=1e-5)


def test_the_ideal_ranking_has_no_more_than_ten_documents() -> None:
    judgements = np.array([[number for document in range(20) for number in (document, 1)]])
    assert ndcg(np.arange(10)[None], judgements).tolist() == [1.0]


def test_recall_counts_relevant_documents_in_the_first_ranks() -> None:
    rankings = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    judgements = np.array([[1, 1, 4, 2, 9, 1, 2, 0], [8, 1, -1, 0, -1, 0, -1, 0]])
    assert recall(rankings, judgements) == pytest.approx([2 / 3, 1.0])
    assert recall(rankings, judgements, depth=3) == pytest.approx([1 / 3, 0.0])


def test_negative_grades_count_as_not_relevant() -> None:
    rankings = np.array([[1, 2]])
    judgements = np.array([[1, -2, 2, 1]])
    assert ndcg(rankings, judgements) == pytest.approx([0.63093], abs=1e-5)
    assert recall(rankings, judgements, depth=1).tolist() == [0.0]


def test_shared_ranks_ignore_the_order() -> None:
    first = np.array([[1, 2, 3, 4, 5]])
    assert shared_ranks(first, np.array([[5, 4, 3, 2, 1]])).tolist() == [1.0]
    assert shared_ranks(first, np.array([[1, 2, 9, 8, 7]])).tolist() == [0.4]
    assert shared_ranks(first, np.array([[2, 1, 3, 4, 5]]), depth=1).tolist() == [0.0]


def test_documents_are_ranked_by_cosine_whatever_their_length() -> None:
    documents = np.array([[0.0, 5.0], [1.0, 1.0], [0.1, 0.0], [-3.0, 0.0]])
    queries = np.array([[2.0, 0.2], [0.0, 0.0]])
    assert rank_documents(queries, documents, 3).tolist() == [[2, 1, 0], [0, 1, 2]]
    assert rank_documents(queries, documents, 100).shape == (2, 4)


def test_the_first_of_equal_scores_comes_first() -> None:
    assert best_numbers(np.array([0.5, 0.9, 0.5, 0.5]), 3).tolist() == [1, 0, 2]
