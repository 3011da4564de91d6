"""Latency of several models in ONNX Runtime, measured in turns."""

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
    """Export models and time them in turns: one text per call, one thread, no padding.

    Args:
        models: By name. They must share a tokenizer.
        test: The texts.

    Returns:
        Median of 300 calls, from token ids to logits, by name.
    """
    with ExitStack() as stack:
        calls = dict[str, Call]()
        for name, checkpoint in models.items():
            folder = Path(stack.enter_context(TemporaryDirectory()))
            export(checkpoint, folder, OPSET, {})
            calls[name] = _forward_call(Predictor(folder, threads=1), test)
        seconds = time_interleaved(calls, CALLS).seconds
    return {name: 1e3 * float(np.median(times)) for name, times in seconds.items()}


def _forward_call(predictor: Predictor, test: EncodedSplit) -> Call:
    order: NDArray[np.int64] = np.random.default_rng(0).permutation(len(test))
    batches = [test.batch([int(row)]) for row in order[:CALLS]]
    return lambda number: run_batch(predictor, batches[number % len(batches)])
