"""Models side by side in ONNX Runtime: what they answer, and how long they take."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from coldpress.data.encoding import EncodedSplit
from coldpress.evaluation.performance.latency import Call, time_interleaved
from coldpress.model.checkpoint import Checkpoint
from coldpress.onnx.export import export
from coldpress.onnx.inference import run_batch
from coldpress.onnx.predictor import Predictor

OPSET = 17
CALLS = 300


def median_milliseconds(models: Mapping[str, Checkpoint], test: EncodedSplit) -> dict[str, float]:
    """Export models as they are, and time them in turns: one text a call, one thread, no padding.

    Args:
        models: By name.
        test: The texts, as the tokenizer of all of them reads them.

    Returns:
        Median of 300 calls, from token ids to logits, by name.
    """
    with ExitStack() as stack:
        calls = dict[str, Call]()
        for name, checkpoint in models.items():
            folder = Path(stack.enter_context(TemporaryDirectory()))
            export(checkpoint, folder, OPSET, {})
            calls[name] = _answering(Predictor(folder, threads=1), test)
        seconds = time_interleaved(calls, CALLS).seconds
    return {name: 1e3 * float(np.median(taken)) for name, taken in seconds.items()}


def _answering(predictor: Predictor, test: EncodedSplit) -> Call:
    order: NDArray[np.int64] = np.random.default_rng(0).permutation(len(test))
    batches = [test.batch([int(row)]) for row in order[:CALLS]]
    return lambda number: run_batch(predictor, batches[number % len(batches)])
