"""Kinds whose models return a vector of a text: texts are judged by comparing vectors."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from coldpress.kinds.kind import Outputs, TargetArray, TaskKind
from coldpress.kinds.scores import Metric

Vectors = NDArray[Any]
"""One vector per text, shape (texts, dimension)."""


@runtime_checkable
class VectorKind(Protocol):
    """A kind whose models return vectors, without targets of their own to learn.

    Models learn the teacher's vectors, and epochs are selected by how close they are to it. On the
    test split the vectors of the rows are compared with those of other texts, and the result of
    this comparison takes the place of outputs: rankings of documents, or similarities. A kind has
    these attributes and methods, or lacks them.
    """

    @property
    def validation_metric(self) -> Metric:
        """Metric that selects epochs."""

    def validation_score(self, vectors: Vectors, teacher: Vectors) -> float:
        """Compare a model's vectors with the teacher's for the same texts.

        Args:
            vectors: Shape (texts, dimension).
            teacher: The same shape.
        """

    def compare_vectors(self, rows: Vectors, others: Vectors, targets: TargetArray) -> Outputs:
        """Compare the vectors of the test rows with those of other texts.

        Args:
            rows: Shape (rows, dimension).
            others: Shape (other texts, dimension).
            targets: Of the test rows.

        Returns:
            Outputs for the metrics, shape (rows, outputs).
        """


def learns_vectors(kind: TaskKind) -> bool:
    """True if a kind's only targets are the teacher's vectors."""
    return isinstance(kind, VectorKind)


def validation_metric(kind: TaskKind) -> Metric:
    """Return the metric that selects epochs: the first one, unless models return vectors."""
    return kind.validation_metric if isinstance(kind, VectorKind) else kind.metrics[0]


def validation_score(kind: TaskKind, outputs: Outputs, targets: TargetArray) -> float:
    """Compute the metric that selects epochs.

    Args:
        kind: Task kind.
        outputs: Shape (units, outputs).
        targets: Of the same units; for vectors, the teacher's.
    """
    if isinstance(kind, VectorKind):
        return kind.validation_score(outputs, targets)
    return kind.main_score(outputs, targets)
