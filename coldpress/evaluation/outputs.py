"""Outputs of a model for the test rows, as the metrics read them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from coldpress.benchmark.loading import Benchmark
from coldpress.data.encoding import EncodedSplit
from coldpress.data.splits import Split
from coldpress.kinds.kind import Outputs
from coldpress.kinds.vectors import VectorKind


def compute_test_outputs(
    benchmark: Benchmark,
    test: EncodedSplit,
    encode: Callable[[Split], EncodedSplit],
    outputs: Callable[[EncodedSplit], Outputs],
) -> NDArray[np.float32]:
    """Run a model on the test rows.

    Vectors are compared with those of the benchmark's other texts, and the result of the comparison
    takes their place: for a corpus of 5,000 documents, vectors would take 20 times the space.

    Args:
        benchmark: Its other texts are used, if it has them.
        test: The test split, encoded with the model's tokenizer.
        encode: Encodes another split with the model's tokenizer.
        outputs: The model, from encoded rows to shape (units, outputs).

    Returns:
        Shape (units, outputs).
    """
    rows = outputs(test)
    if benchmark.compared is not None and isinstance(benchmark.kind, VectorKind):
        others = outputs(encode(benchmark.compared))
        rows = benchmark.kind.compare_vectors(rows, others)
    return np.asarray(rows, dtype=np.float32)
