from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from coldpress.kinds.sentence_embedding import SentenceEmbedding
from coldpress.kinds.sentence_pairs import SentencePairs
from coldpress.kinds.vectors import validation_metric, validation_score

KIND = SentenceEmbedding()
PAIRS = SentencePairs()

# Document 0 is first for both queries; document 2 is the only relevant one of the second.
RANKINGS = np.array([[0, 1, 2], [0, 2, 1]], dtype=np.float32)
JUDGEMENTS = np.array([[0, 1, 1, 0], [2, 1, -1, 0]])


def test_scores_are_means_over_the_queries() -> None:
    scores = KIND.scores(RANKINGS, JUDGEMENTS)
    assert scores == pytest.approx({"ndcg_at_10": (1 + 1 / math.log2(3)) / 2, "recall_at_100": 1})
    assert KIND.sample_scores(RANKINGS, JUDGEMENTS, 1.0).tolist() == pytest.approx([1, 0.63093])


def test_sums_of_counts_give_the_metric_of_any_resample() -> None:
    counts = KIND.counts(RANKINGS, JUDGEMENTS)
    resamples = np.array([[1.0, 1.0], [0.0, 2.0]]) @ counts
    assert KIND.score_of_counts(resamples) == pytest.approx([0.815465, 0.63093], abs=1e-5)


def test_vectors_of_queries_and_documents_become_rankings() -> None:
    documents = np.array([[0.0, 1.0], [1.0, 0.0]])
    queries = np.array([[3.0, 1.0], [0.1, 0.2]])
    assert KIND.compare_vectors(queries, documents, JUDGEMENTS).tolist() == [[1, 0], [0, 1]]


def test_agreement_is_the_share_of_documents_in_common() -> None:
    others = np.array([[0, 1, 5], [2, 0, 1]], dtype=np.float32)
    assert KIND.agreement(RANKINGS, RANKINGS, JUDGEMENTS) == 1.0
    assert KIND.agreement(RANKINGS, others, JUDGEMENTS) == pytest.approx(5 / 6)


def test_texts_of_reports() -> None:
    lost = np.array([[0, 1], [0, 1]], dtype=np.float32)
    assert KIND.prediction_texts(lost, JUDGEMENTS, ("vector",)) == [
        "relevant documents at rank 1",
        "no relevant document of 1 in the first 2",
    ]
    assert KIND.target_texts(JUDGEMENTS, ("vector",)) == [
        "document 0 grade 1, document 1 grade 0",
        "document 2 grade 1",
    ]


def test_pairs_are_compared_by_rank() -> None:
    cosines = PAIRS.compare_vectors(np.eye(2), np.array([[2.0, 0.0], [1.0, 1.0]]), np.zeros(2))
    assert cosines[:, 0].tolist() == pytest.approx([1, math.sqrt(0.5)])
    outputs = np.array([[0.1], [0.2], [0.9]], dtype=np.float32)
    targets = np.array([0.0, 5.0, 3.0])
    assert PAIRS.scores(outputs, targets) == pytest.approx({"spearman": 0.5})
    assert PAIRS.sample_scores(outputs, targets, 1.0).tolist() == [1.0, 0.5, 0.5]


def test_epochs_are_selected_by_the_cosine_with_the_teacher() -> None:
    assert validation_metric(KIND).name == "cosine"
    vectors, teacher = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[3.0, 0.0], [1.0, 1.0]])
    assert validation_score(KIND, vectors, teacher) == pytest.approx((1 + math.sqrt(0.5)) / 2)


def test_the_loss_is_zero_for_the_teachers_vectors_and_worked_out_for_others() -> None:
    """Cosines 1 and 0: distance 1/2. Squared errors 0, 0, 1, 1, mean 1/2, of a mean square 1/2.

    Cosines between the two texts: 1 instead of 0, in two of four cells.
    """
    teacher = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    student = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert float(KIND.soft_loss(teacher, teacher, 1.0)) == pytest.approx(0, abs=1e-6)
    assert float(KIND.soft_loss(student, teacher, 1.0)) == pytest.approx(0.5 + 1 + 10 * 0.5)
