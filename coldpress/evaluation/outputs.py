"""Outputs of a model for the test rows, as the metrics read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldpress.benchmark.loading import Benchmark
from coldpress.data.splits import Split
from coldpress.kinds.kind import Outputs
from coldpress.kinds.vectors import VectorKind


@dataclass(frozen=True)
class RowsRun:
    """A model on the test rows.

    Attributes:
        outputs: Shape (units, outputs).
        vectors: Of a model that returns vectors: those of the test rows and of the benchmark's
            other texts, shapes (rows, dimension) and (texts, dimension).
    """

    outputs: NDArray[np.float32]
    vectors: tuple[Outputs, Outputs] | None = None


def run_on_test(benchmark: Benchmark, outputs: Callable[[Split], Outputs]) -> RowsRun:
    """Run a model on the test rows.

    Vectors are compared with those of the benchmark's other texts, and the result of the comparison
    takes their place: for a corpus of 5,000 documents, vectors would take 20 times the space.

    Args:
        benchmark: Its other texts are used, if it has them.
        outputs: The model, from a split to shape (units, outputs).
    """
    rows = outputs(benchmark.test)
    kind = benchmark.kind
    if benchmark.compared is None or not isinstance(kind, VectorKind):
        return RowsRun(np.asarray(rows, dtype=np.float32))
    others = outputs(benchmark.compared)
    compared = kind.compare_vectors(rows, others, benchmark.test.target_array)
    return RowsRun(np.asarray(compared, dtype=np.float32), (rows, others))
