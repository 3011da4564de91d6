"""Metrics of rankings, as trec_eval computes them.

A document's gain is its relevance itself, as in trec_eval and BEIR; other programs use 2 to the
power of the relevance. Where trec_eval breaks ties by the names of documents, the less relevant
document comes first here: a model that gives all documents the same score gains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldpress.kinds.correlation import spearman
from coldpress.kinds.scores import SampleScores

DEPTH = 10
"""Ranks that nDCG@10 and MRR@10 look at."""

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class RankedDocuments:
    """Documents query by query, each query's from the best to the worst by a model.

    Attributes:
        queries: Query of each document, from 0 without gaps, ascending, shape (documents,).
        ranks: Rank of each document in its query, from 0.
        relevance: At least 0.
    """

    queries: Integers
    ranks: Integers
    relevance: Numbers

    @classmethod
    def from_scores(cls, scores: Numbers, queries: Integers, relevance: Numbers) -> RankedDocuments:
        """Sort the documents of each query by score.

        Args:
            scores: Higher is better, shape (documents,).
            queries: Query of each document, from 0 without gaps.
            relevance: At least 0.

        Returns:
            The documents; of equal scores the least relevant comes first.
        """
        order = np.lexsort((relevance, -scores, queries))
        sizes = np.bincount(queries)
        starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
        ranks = np.arange(len(queries)) - starts
        return cls(queries[order], ranks, relevance[order])

    def ndcg(self) -> SampleScores:
        """Return the normalized discounted cumulative gain of each query's first 10 documents.

        Jaervelin & Kekaelaeinen, "Cumulated gain-based evaluation of IR techniques", 2002.

        Returns:
            Shape (queries,), from 0 to 1; 0 if no document is relevant.
        """
        ideal = self.from_scores(self.relevance, self.queries, self.relevance)
        best = ideal._gain()
        return np.divide(self._gain(), best, out=np.zeros_like(best), where=best > 0)

    def reciprocal_rank(self) -> SampleScores:
        """Return 1 / rank of each query's first relevant document, shape (queries,).

        Returns:
            0 if no relevant document is among the first 10.
        """
        found = (self.relevance > 0) & (self.ranks < DEPTH)
        result = np.zeros(int(self.queries.max(initial=-1)) + 1)
        np.maximum.at(result, self.queries[found], 1 / (self.ranks[found] + 1))
        return result

    def average_precision(self) -> SampleScores:
        """Return the mean precision at the ranks of each query's relevant documents.

        Returns:
            Shape (queries,); 0 if no document is relevant.
        """
        relevant = self.relevance > 0
        count = np.bincount(self.queries, weights=relevant)
        before = np.concatenate([[0.0], np.cumsum(count)])[self.queries]
        # Relevant documents of the same query up to this rank.
        precision = (np.cumsum(relevant) - before) / (self.ranks + 1)
        total = np.bincount(self.queries, weights=precision * relevant)
        return np.divide(total, count, out=np.zeros_like(total), where=count > 0)

    def relevant_ranks(self) -> list[list[int]]:
        """Return the ranks of each query's relevant documents, from 1."""
        ranks: list[list[int]] = [[] for _ in range(int(self.queries.max(initial=-1)) + 1)]
        for position in np.flatnonzero(self.relevance > 0):
            ranks[self.queries[position]].append(int(self.ranks[position]) + 1)
        return ranks

    def _gain(self) -> Numbers:
        """Return the discounted cumulative gain of each query, shape (queries,)."""
        discounted = np.where(self.ranks < DEPTH, self.relevance / np.log2(self.ranks + 2), 0.0)
        return np.asarray(np.bincount(self.queries, weights=discounted))


def mean_correlation(first: Numbers, second: Numbers, queries: Integers) -> float:
    """Return the Spearman correlation of two models' scores, averaged over the queries.

    Args:
        first: Scores of a model, shape (documents,).
        second: Scores of the other.
        queries: Query of each document, from 0 without gaps.

    Returns:
        From -1 to 1. A query to which a model gives equal scores counts as 1 if both models' scores
        are the same, otherwise as 0.
    """
    order = np.argsort(queries, kind="stable")
    ends = np.cumsum(np.bincount(queries))[:-1]
    pairs = zip(np.split(first[order], ends), np.split(second[order], ends), strict=True)
    return float(np.mean([1.0 if np.array_equal(*pair) else spearman(*pair) for pair in pairs]))


def relevance_texts(relevance: Numbers, queries: Integers) -> list[str]:
    """Return the relevance of each query's documents, in their order, as one text.

    Args:
        relevance: Shape (documents,).
        queries: Query of each document, from 0 without gaps.
    """
    values: list[list[str]] = [[] for _ in range(int(queries.max(initial=-1)) + 1)]
    for query, value in zip(queries.tolist(), relevance.tolist(), strict=True):
        values[query].append(f"{value:g}")
    return ["relevance " + " ".join(of_query) for of_query in values]
