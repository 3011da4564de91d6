"""Metrics of retrieval, as trec_eval and BEIR compute them: nDCG@10 and Recall@100.

Judgements of a query are pairs of document number and grade in one row of an array, of shape
(queries, 2 * pairs): [12, 1, 40, 2, -1, 0] says that document 12 has grade 1 and document 40 grade
2. The number -1 fills up the rows of queries with fewer judgements. A document without judgement
has grade 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rankings = NDArray[Any]
"""Document numbers, best first, shape (queries, ranks)."""

Judgements = NDArray[Any]
"""Document numbers and grades, shape (queries, 2 * pairs)."""

QueryScores = NDArray[np.float64]
"""One score from 0 to 1 per query, shape (queries,)."""

NO_DOCUMENT = -1
NDCG_DEPTH = 10
RECALL_DEPTH = 100


def judgement_rows(grades: Sequence[Mapping[int, int]]) -> tuple[tuple[int, ...], ...]:
    """Write judgements in rows of equal length.

    Args:
        grades: For each query, the grade of each judged document by its number.

    Returns:
        One row per query.
    """
    width = max(map(len, grades), default=0)
    filled = [[*g.items(), *[(NO_DOCUMENT, 0)] * (width - len(g))] for g in grades]
    return tuple(tuple(number for pair in pairs for number in pair) for pairs in filled)


def rank_documents(queries: NDArray[Any], documents: NDArray[Any], depth: int) -> Rankings:
    """Rank documents by the cosine of their vectors with that of each query.

    Args:
        queries: Shape (queries, dimension).
        documents: Shape (documents, dimension).
        depth: Number of ranks; all documents if there are fewer.

    Returns:
        Numbers of the documents, shape (queries, ranks); of equal documents the first one is first.
    """
    units = normalize_rows(documents)
    ranks = min(depth, len(documents))
    rankings = np.empty((len(queries), ranks), dtype=np.int64)
    for query, vector in enumerate(normalize_rows(queries)):
        rankings[query] = best_numbers(units @ vector, ranks)
    return rankings


def best_numbers(scores: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Return the numbers of the largest scores, largest first; of equal ones the first is first.

    Args:
        scores: Shape (documents,).
        count: At most the number of documents.
    """
    least = np.partition(scores, -count)[-count]
    candidates = np.flatnonzero(scores >= least)
    order = np.argsort(-scores[candidates], kind="stable")
    return np.asarray(candidates[order][:count], dtype=np.int64)


def normalize_rows(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Divide each vector by its length; a vector of zeros stays.

    Args:
        vectors: Shape (rows, dimension).
    """
    values = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def ndcg(rankings: Rankings, judgements: Judgements, depth: int = NDCG_DEPTH) -> QueryScores:
    """Compute the normalized discounted cumulative gain of each query.

    The gain of a rank is the document's grade, the discount log2(rank + 1), as in trec_eval's
    `ndcg_cut`.

    Args:
        rankings: Shape (queries, ranks).
        judgements: Shape (queries, 2 * pairs).
        depth: Ranks that count.

    Returns:
        0 for a query without a relevant document.
    """
    gains = _ranked_grades(rankings[:, :depth], judgements)
    ideal = -np.sort(-_grades(judgements), axis=1)[:, :depth]
    return _ratio(_discounted_sum(gains), _discounted_sum(ideal))


def recall(rankings: Rankings, judgements: Judgements, depth: int = RECALL_DEPTH) -> QueryScores:
    """Compute the share of relevant documents, those with a grade above 0, in the first ranks.

    Args:
        rankings: Shape (queries, ranks).
        judgements: Shape (queries, 2 * pairs).
        depth: Ranks that count.

    Returns:
        0 for a query without a relevant document.
    """
    hits = (_ranked_grades(rankings[:, :depth], judgements) > 0).sum(axis=1)
    return _ratio(hits, (_grades(judgements) > 0).sum(axis=1))


def shared_ranks(rankings: Rankings, others: Rankings, depth: int = NDCG_DEPTH) -> QueryScores:
    """Compute the share of the first ranks' documents that two rankings have in common.

    Args:
        rankings: Shape (queries, ranks).
        others: Shape (queries, ranks).
        depth: Ranks that count.
    """
    first, second = rankings[:, :depth], others[:, :depth]
    common = (first[:, :, None] == second[:, None, :]).any(axis=2)
    return np.asarray(common.mean(axis=1), dtype=np.float64)


def _grades(judgements: Judgements) -> NDArray[np.float64]:
    """Return the grades, negative ones as 0, shape (queries, pairs)."""
    return np.maximum(judgements[:, 1::2], 0).astype(np.float64)


def _ranked_grades(rankings: Rankings, judgements: Judgements) -> NDArray[np.float64]:
    """Return the grade of each ranked document, shape (queries, ranks)."""
    numbers, grades = judgements[:, ::2], _grades(judgements)
    ranked = [
        (ranking[:, None] == judged_numbers) @ judged_grades
        for ranking, judged_numbers, judged_grades in zip(rankings, numbers, grades, strict=True)
    ]
    return np.asarray(ranked, dtype=np.float64).reshape(rankings.shape)


def _discounted_sum(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(gains @ (1 / np.log2(np.arange(gains.shape[1]) + 2)))


def _ratio(values: NDArray[Any], most: NDArray[Any]) -> QueryScores:
    return np.asarray(values / np.where(most > 0, most, 1), dtype=np.float64)
