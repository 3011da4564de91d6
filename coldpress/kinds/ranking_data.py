"""Rows of a ranking benchmark: columns, relevance, and queries that can be evaluated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from coldpress.data import synthetic_ranking
from coldpress.data.rows import Rows, extract_labels, extract_texts
from coldpress.data.section import BenchmarkSection
from coldpress.data.sources import Columns
from coldpress.errors import InputError
from coldpress.kinds.finite_number import finite_number

_NUMBER_DIGITS = 13  # hexadecimal: 52 bits, which a float64 represents exactly

RankingTargets = Sequence[tuple[float, float]]
"""Query number and relevance of each row."""


class RankingColumns(Columns):
    """Names of the source's columns for query, document and relevance."""

    text_fields: ClassVar[tuple[str, ...]] = ("query", "document")

    query: Annotated[str, Field(min_length=1, description="Column of the query.")] = "query"
    document: Annotated[str, Field(min_length=1, description="Column of the document.")] = (
        "document"
    )
    relevance: Annotated[
        str, Field(min_length=1, description="Column of the relevance: 0, or a higher number.")
    ] = "relevance"
    query_id: Annotated[
        str | None, Field(description="Column of the query's id; empty: its text identifies it.")
    ] = None

    def generate_rows(self, count: int, seed: str) -> Mapping[str, Sequence[Any]]:
        """Generate questions, and requests that may be about the same matter."""
        examples = synthetic_ranking.generate(count, seed)
        queries, documents, relevance = zip(*examples, strict=True)
        rows = {self.query: queries, self.document: documents, self.relevance: relevance}
        return rows if self.query_id is None else {**rows, self.query_id: queries}


class RankingBenchmark(BenchmarkSection):
    """Dataset for ranking: each row is a document of a query, with its relevance."""

    kind: Literal["ranking"]
    columns: RankingColumns = RankingColumns()


def read_relevance(rows: Rows, columns: Columns) -> tuple[tuple[float, float], ...]:
    """Return query number and relevance of each row.

    The number of a query is derived from its id, so that it is the same in every file.

    Args:
        rows: Rows of any split.
        columns: Names of the columns.

    Raises:
        InputError: A relevance is not a number of at least 0, or two queries have the same id.
    """
    fields = columns.columns_by_field
    (column,) = fields["relevance"]
    queries = extract_texts(rows, columns.texts[0])
    ids = queries
    if "query_id" in fields:
        ids = extract_labels(rows, fields["query_id"][0])
        _check_ids(ids, queries, rows)
    numbers = {query_id: _query_number(query_id) for query_id in set(ids)}
    return tuple(
        (numbers[query_id], _relevance(value, f"{rows.locate(row)}: {column!r}"))
        for row, (query_id, value) in enumerate(zip(ids, rows.columns[column], strict=True))
    )


def query_samples(targets: NDArray[Any]) -> NDArray[np.int64]:
    """Number queries from 0 in the order of their first rows.

    Args:
        targets: Query number and relevance, shape (rows, 2).

    Returns:
        Shape (rows,).
    """
    _, first, inverse = np.unique(targets[:, 0], return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return np.asarray(order[inverse], dtype=np.int64)


def evaluable_queries(targets: RankingTargets) -> NDArray[np.bool_]:
    """Return whether each query has two documents, one of them relevant, shape (queries,)."""
    documents, best = _query_sizes(np.asarray(targets, dtype=np.float64))
    return (documents > 1) & (best > 0)


def check_queries(targets: RankingTargets, rows: Rows) -> None:
    """Refuse queries for which every model has the same score.

    Args:
        targets: Of all rows of a validation or test split.
        rows: The source of the split, to name a row.

    Raises:
        InputError: A query has a single document, or none that is relevant.
    """
    array = np.asarray(targets, dtype=np.float64)
    first_rows = np.unique(query_samples(array), return_index=True)[1]
    for row, documents, best in zip(first_rows.tolist(), *_query_sizes(array), strict=True):
        if documents < 2:
            raise InputError(
                f"{rows.locate(row)}: this query has a single document; a ranking needs at least"
                " two rows of benchmark.columns.query"
            )
        if best == 0:
            raise InputError(
                f"{rows.locate(row)}: this query has no relevant document;"
                " benchmark.columns.relevance is 0 in all of its rows"
            )


def check_differences(targets: RankingTargets, rows: Rows) -> None:
    """Refuse rows from which no order of documents follows.

    Args:
        targets: Of all rows of a split.
        rows: The source of the split, for the message.

    Raises:
        InputError: No query has documents of different relevance.
    """
    array = np.asarray(targets, dtype=np.float64)
    lowest = -_query_sizes(array * (1, -1))[1]
    if (lowest == _query_sizes(array)[1]).all():
        raise InputError(
            f"{rows.location}: no query has documents of different relevance;"
            " see benchmark.columns.relevance and benchmark.columns.query_id"
        )


def _query_sizes(targets: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the number of documents and the highest relevance of each query, (queries,) each."""
    samples = query_samples(targets)
    documents = np.bincount(samples)
    best = np.full(len(documents), -np.inf)
    np.maximum.at(best, samples, targets[:, 1])
    return documents, best


def _check_ids(ids: Sequence[str], queries: Sequence[str], rows: Rows) -> None:
    """Refuse an id of different queries, whose documents would be ranked together."""
    texts: dict[str, str] = {}
    for row, (query_id, query) in enumerate(zip(ids, queries, strict=True)):
        if texts.setdefault(query_id, query) != query:
            raise InputError(
                f"{rows.locate(row)}: benchmark.columns.query_id is {query_id!r}, the id of another"
                " query in an earlier row"
            )


def _query_number(query_id: str) -> float:
    digest = hashlib.sha256(query_id.encode()).hexdigest()
    return float(int(digest[:_NUMBER_DIGITS], 16))


def _relevance(value: object, place: str) -> float:
    number = finite_number(value, place)
    if number < 0:
        raise InputError(f"{place} is {value}; relevance is 0 or higher")
    return number
