"""What it costs a search to store vectors as bytes or bits.

Search is exact and uses numpy: a product of 5,000 vectors of 384 numbers takes a millisecond, so a
library for approximate search would add a dependency and an error of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldpress.benchmark.loading import Benchmark
from coldpress.evaluation.metrics import retention
from coldpress.evaluation.outputs import RowsRun
from coldpress.evaluation.scorecard.vector_form import FormName, VectorForm
from coldpress.kinds.retrieval import Judgements, best_numbers, ndcg, normalize_rows
from coldpress.kinds.sentence_embedding import SentenceEmbedding
from coldpress.kinds.stored_vectors import RESCORED_DOCUMENTS, StoredVectors, store_vectors

DEPTH = 10

Search = Callable[[NDArray[np.float32]], NDArray[np.int64]]
"""From the vector of a query, shape (dimension,), to the numbers of the first documents."""


def final_forms(benchmark: Benchmark, run: RowsRun) -> tuple[VectorForm, ...]:
    """Search the benchmark's corpus with the final model's vectors in every form.

    Args:
        benchmark: With the judgements.
        run: The final model on the test rows.

    Returns:
        Empty unless vectors are judged by searching a corpus.
    """
    if run.vectors is None or not isinstance(benchmark.kind, SentenceEmbedding):
        return ()
    return measure_vector_forms(*run.vectors, benchmark.test.target_array)


def measure_vector_forms(
    queries: NDArray[Any], documents: NDArray[Any], judgements: Judgements
) -> tuple[VectorForm, ...]:
    """Search with every form.

    Args:
        queries: Shape (queries, dimension).
        documents: Shape (documents, dimension).
        judgements: Shape (queries, 2 * pairs).

    Returns:
        float32 first; nDCG@10 of each form.
    """
    units, stored = normalize_rows(documents), store_vectors(documents)
    sizes = _sizes(units, stored)
    results = {
        name: _run(search, normalize_rows(queries), judgements)
        for name, search in _searches(units, stored).items()
    }
    exact, _ = results["float32"]
    return tuple(
        VectorForm(
            name=name,
            bytes=sizes[name],
            score=score,
            retention=retention(score, exact),
            queries_per_second=speed,
        )
        for name, (score, speed) in results.items()
    )


def _searches(units: NDArray[np.float32], stored: StoredVectors) -> Mapping[FormName, Search]:
    count = min(DEPTH, len(units))

    def rescored_by_signs(query: NDArray[np.float32]) -> NDArray[np.int64]:
        first = stored.nearest_bits(query, RESCORED_DOCUMENTS)
        signs = np.unpackbits(stored.bits[first], axis=1, count=len(query)) * np.float32(2) - 1
        return first[best_numbers(signs @ query, count)]

    return {
        "float32": lambda query: best_numbers(units @ query, count),
        "int8": lambda query: best_numbers(
            stored.numbers.astype(np.float32) @ (query * stored.scales), count
        ),
        "binary": lambda query: stored.nearest_bits(query, count),
        "binary, rescored": rescored_by_signs,
        "binary, rescored by int8": lambda query: stored.search(query, count)[0],
    }


def _sizes(units: NDArray[np.float32], stored: StoredVectors) -> Mapping[FormName, int]:
    int8 = stored.numbers.nbytes + stored.scales.nbytes
    return {
        "float32": units.nbytes,
        "int8": int8,
        "binary": stored.bits.nbytes,
        "binary, rescored": stored.bits.nbytes,
        "binary, rescored by int8": stored.bits.nbytes + int8,
    }


def _run(
    search: Search, queries: NDArray[np.float32], judgements: Judgements
) -> tuple[float, float]:
    """Return nDCG@10 and queries per second."""
    start = time.perf_counter()
    rankings = np.stack([search(query) for query in queries])
    seconds = time.perf_counter() - start
    return float(ndcg(rankings, judgements).mean()), len(queries) / seconds
