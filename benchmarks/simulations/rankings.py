"""Rerankers and retrievers: documents of a query in the order of noisy scores.

Queries have one or two relevant documents, as in SciFact. Both models see the relevance with noise
that they share and noise of their own, so that the student's true nDCG is the teacher's. A damaged
student ranks queries of one slice at random.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coldpress.gate import Gate
from simulations.simulation import Data, Pair, Simulation, lost_samples, tenths

GATE = Gate(max_drop=0.05, max_class_drop=0.1)
RERANKED = 11
RETRIEVED = 100
"""Documents of a query. A retriever's other documents are never among the first hundred."""
RERANKING_NOISE = (1.0, 0.4)
RETRIEVAL_NOISE = (0.7, 0.25)
"""Spread of the noise that both share, and of that of each; relevance adds 2. The teacher's nDCG@10
is then 0.82 and 0.73, and a query's differs from the student's by 0.2 (standard deviation)."""

Relevance = NDArray[np.int64]
"""0 or 1 for each document of each query, shape (queries, documents)."""


def draw_rerankers(count: int, lost: float, random: np.random.Generator) -> Data:
    """Draw rerankers: scores of the rows, each of which is a document of a query."""
    relevance = _draw_relevance(count, RERANKED, random)
    slices = tenths(count)
    members = lost_samples(slices, lost, random)
    teacher, student = _draw_scores(relevance, RERANKING_NOISE, members, random)
    queries = np.repeat(np.arange(float(count)), RERANKED)
    targets = np.stack([queries, relevance.ravel().astype(np.float64)], axis=1)
    return Data(("score",), targets, (teacher.reshape(-1, 1), student.reshape(-1, 1)), slices)


def draw_retrievers(count: int, lost: float, random: np.random.Generator) -> Data:
    """Draw retrievers: rankings of the documents of each query, best first."""
    relevance = _draw_relevance(count, RETRIEVED, random)
    slices = tenths(count)
    members = lost_samples(slices, lost, random)
    scores = _draw_scores(relevance, RETRIEVAL_NOISE, members, random)
    teacher, student = (np.argsort(-values, axis=1).astype(np.float32) for values in scores)
    # The relevant documents of a query are its first one or two.
    judgements = np.stack([np.zeros(count), np.ones(count), np.ones(count), relevance[:, 1]], 1)
    return Data((), judgements.astype(np.int64), (teacher, student), slices)


def _draw_relevance(count: int, documents: int, random: np.random.Generator) -> Relevance:
    relevant = random.choice([1, 2], (count, 1), p=[0.9, 0.1])
    return (np.arange(documents) < relevant).astype(np.int64)


def _draw_scores(
    relevance: Relevance,
    noise: tuple[float, float],
    lost: list[int],
    random: np.random.Generator,
) -> Pair:
    """Draw scores of two equally good models; those of the student's lost queries are noise."""
    shared, own = noise
    common = 2 * relevance + random.normal(0, shared, relevance.shape)
    teacher, student = (common + random.normal(0, own, relevance.shape) for _ in range(2))
    student[lost] = random.normal(0, shared, (len(lost), relevance.shape[1]))
    return teacher.astype(np.float32), student.astype(np.float32)


RANKING = Simulation(
    kind="ranking",
    gate=GATE,
    title="queries with eleven documents; queries of one in ten slices ranked at random",
    sizes=(300, 600),
    losses=(0.5, 1.0),
    draw=draw_rerankers,
)

RETRIEVAL = Simulation(
    kind="sentence-embedding",
    gate=GATE,
    title="queries with a hundred documents; queries of one in ten slices ranked at random",
    sizes=(300, 600),
    losses=(0.5, 1.0),
    draw=draw_retrievers,
)
