"""Agreement of the answers of two models, added up request by request.

Each form follows the definition of its task kind (`agreement` in `coldpress/kinds`), of which it
keeps sums, numbers or a few vectors, and never a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from coldpress.kinds.correlation import pearson
from coldpress.kinds.retrieval import shared_ranks
from coldpress.onnx.predictor import ENTITIES, WORD_RULES, Predictor
from flows.serving.recent_pairs import RecentPairs

Records = Sequence[Mapping[str, Any]]
"""Answers to the texts of one request, in their order."""

_WORD = re.compile(WORD_RULES["characters"])
BLOCK_TEXTS = 100
"""Texts among which the nearest ones are searched."""
_NEAREST = 10


class Agreement(Protocol):
    """Collects answers of two models to the same texts."""

    def add(self, records: Records, other_records: Records) -> None:
        """Add the answers to one request."""

    def value(self) -> float | None:
        """Return the agreement, 1 if all answers are equal; None as long as it is undefined."""


def new_agreement(predictor: Predictor) -> Agreement:
    """Return the agreement of a model's task kind, without answers.

    Args:
        predictor: Of either model.
    """
    if predictor.returns_vectors:
        return _SharedNeighbours()
    if predictor.kind == ENTITIES:
        return _Mean(_equal_tags)
    if predictor.kind == "ranking":
        return _Mean(_query_correlations)
    if predictor.activation == "none":
        return _Correlation()
    return _Mean(_equal_labels)


class _Mean:
    """Mean of the scores of all texts, words or queries."""

    def __init__(self, compare: Callable[[Records, Records], Sequence[float]]) -> None:
        self._compare = compare
        self._total = 0.0
        self._count = 0

    def add(self, records: Records, other_records: Records) -> None:
        scores = self._compare(records, other_records)
        self._total += sum(scores)
        self._count += len(scores)

    def value(self) -> float | None:
        return self._total / self._count if self._count else None


def _equal_labels(records: Records, other_records: Records) -> list[float]:
    """Return 1 for each text with the same label, or the same set of labels, otherwise 0."""
    return [float(_labels(r) == _labels(o)) for r, o in zip(records, other_records, strict=True)]


def _labels(record: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(record["labels"] if "labels" in record else [record["label"]])


def _equal_tags(records: Records, other_records: Records) -> list[float]:
    """Return 1 for each word with the same tag, otherwise 0."""
    scores = []
    for record, other in zip(records, other_records, strict=True):
        tags = (_word_tags(record), _word_tags(other))
        scores += [float(first == second) for first, second in zip(*tags, strict=True)]
    return scores


def _word_tags(record: Mapping[str, Any]) -> list[tuple[str, bool] | None]:
    """Return for each word of a text its entity's label and whether it begins it, or None."""
    starts = [match.start() for match in _WORD.finditer(record["text"])]
    tags: dict[int, tuple[str, bool]] = {}
    for entity in record["entities"]:
        inside = [start for start in starts if entity["start"] <= start < entity["end"]]
        tags |= {start: (entity["label"], start == inside[0]) for start in inside}
    return [tags.get(start) for start in starts]


def _query_correlations(records: Records, other_records: Records) -> list[float]:
    """Return the Spearman correlation of the scores of each query with several documents."""
    rows: dict[str, list[int]] = {}
    for row, record in enumerate(records):
        rows.setdefault(record["text"], []).append(row)
    return [
        spearman(*(np.array([r[row]["score"] for row in group]) for r in (records, other_records)))
        for group in rows.values()
        if len(group) > 1
    ]


class _Correlation:
    """Spearman correlation of the latest predicted numbers."""

    def __init__(self) -> None:
        self._pairs = RecentPairs()

    def add(self, records: Records, other_records: Records) -> None:
        for record, other in zip(records, other_records, strict=True):
            self._pairs.add(record["score"], other["score"])

    def value(self) -> float | None:
        pairs = self._pairs.values()
        return spearman(pairs[:, 0], pairs[:, 1]) if len(pairs) > 1 else None


class _SharedNeighbours:
    """Share of the nearest texts that two models have in common, in blocks of texts.

    Vectors of two models need not have the same length or the same directions.
    """

    def __init__(self) -> None:
        self._block: tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]] = ([], [])
        self._mean = _Mean(_shared_neighbours)

    def add(self, records: Records, other_records: Records) -> None:
        for pair in zip(records, other_records, strict=True):
            for vectors, record in zip(self._block, pair, strict=True):
                vectors.append({"vector": record["vector"]})  # without the text
            if len(self._block[0]) == BLOCK_TEXTS:
                self._mean.add(*self._block)
                self._block = ([], [])

    def value(self) -> float | None:
        return self._mean.value()


def _shared_neighbours(records: Records, other_records: Records) -> list[float]:
    first, second = (_nearest([record["vector"] for record in r]) for r in (records, other_records))
    shares: list[float] = shared_ranks(first, second, _NEAREST).tolist()
    return shares


def _nearest(rows: list[list[float]]) -> NDArray[np.int64]:
    """Return the numbers of the other vectors with the largest cosines, shape (vectors, 10)."""
    vectors = np.array(rows)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(norms, norms, 1)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -np.inf)
    return np.argsort(-cosines, axis=1, kind="stable")[:, :_NEAREST]


def spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the Spearman correlation, without scipy, whose import would delay requests.

    Args:
        first: Shape (rows,).
        second: Shape (rows,).

    Returns:
        From -1 to 1; 1 if both are equal, otherwise 0 if all values of one of them are equal.
    """
    if np.array_equal(first, second):
        return 1.0
    return pearson(_ranks(first), _ranks(second))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ranks from 1; equal values share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[places]
    return ranks
