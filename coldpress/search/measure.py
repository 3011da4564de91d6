"""Measure exported models: on validation, as a search compares them, and finally on test."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from coldpress.benchmark.loading import Benchmark
from coldpress.data.encoding import EncodedSplit, encode
from coldpress.evaluation.config import Latency
from coldpress.evaluation.outputs import run_on_test
from coldpress.evaluation.performance.latency import Call, percentiles, time_interleaved
from coldpress.evaluation.performance.trace import Clock
from coldpress.evaluation.scorecard.scorecard import Interval, Percentiles
from coldpress.evaluation.statistics.score_interval import outputs_interval
from coldpress.evaluation.timing import batch_rows
from coldpress.kinds.vectors import validation_score
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.serialization import load_tokenizer
from coldpress.onnx.inference import decision_outputs, run_batch
from coldpress.onnx.predictor import Predictor
from coldpress.search.budget import Measures

_MEASUREMENTS = 5
_REPEAT_SECONDS = 60
"""Large models take minutes: a measurement as long as that is not repeated."""


def measure_file(
    checkpoint: Checkpoint,
    benchmark: Benchmark,
    latency: Latency,
    targets: NDArray[np.float32] | None = None,
) -> Measures:
    """Measure score, latency and size of an exported model.

    Args:
        checkpoint: With `model.onnx`.
        benchmark: Its validation split is used.
        latency: Batch size, threads and number of calls.
        targets: The teacher's vectors, for kinds that learn these, shape (rows, dimension).
    """
    rows = encode(load_tokenizer(checkpoint), benchmark.validation)
    predictor = Predictor(checkpoint.path, latency.threads)
    expected = rows.targets if targets is None else targets
    score = validation_score(benchmark.kind, decision_outputs(predictor, rows), expected)
    (spread,) = time_files({"": predictor}, {"": rows}, latency).values()
    return Measures(score, spread.p50, spread.p95, checkpoint.bytes)


def score_on_test(checkpoint: Checkpoint, benchmark: Benchmark, threads: int) -> Interval:
    """Return the first metric of an exported model on the test split, with its 95 % interval.

    Args:
        checkpoint: With `model.onnx`.
        benchmark: Its test split is used.
        threads: Of the session.
    """
    tokenizer = load_tokenizer(checkpoint)
    predictor = Predictor(checkpoint.path, threads)
    run = run_on_test(benchmark, lambda rows: decision_outputs(predictor, encode(tokenizer, rows)))
    return outputs_interval(benchmark.kind, run.outputs, benchmark.test.target_array)


def time_files(
    files: Mapping[str, Predictor], rows: Mapping[str, EncodedSplit], latency: Latency
) -> dict[str, Percentiles]:
    """Time exported models in turns.

    Args:
        files: Opened with the threads of `latency`, by name.
        rows: Texts of each model, by the same names: vocabularies may differ.
        latency: Batch size, threads and number of calls.

    Returns:
        Milliseconds of a call from token ids to outputs, by name.
    """
    calls = {name: _forward_call(file, rows[name], latency) for name, file in files.items()}
    clock: Clock = "thread" if latency.threads == 1 else "wall"
    timings = time_interleaved(calls, latency.rounds, clock)
    return {name: percentiles(trace.seconds) for name, trace in timings.traces.items()}


def time_repeatedly(
    files: Mapping[str, Predictor], rows: Mapping[str, EncodedSplit], latency: Latency
) -> dict[str, Percentiles]:
    """Time exported models as `time_files` does, several times, and keep the quietest measurement.

    A measurement of small models takes a few seconds, in which other processes may have been busy.
    """
    deadline = time.monotonic() + _REPEAT_SECONDS
    measurements = [time_files(files, rows, latency)]
    while len(measurements) < _MEASUREMENTS and time.monotonic() < deadline:
        measurements.append(time_files(files, rows, latency))
    return choose_quietest(measurements)


def choose_quietest(measurements: Sequence[Mapping[str, Percentiles]]) -> dict[str, Percentiles]:
    """Return the measurement with the smallest sum of medians, for all models alike.

    Args:
        measurements: Milliseconds by name, of the same models.
    """

    def total(models: Mapping[str, Percentiles]) -> float:
        return sum(model.p50 for model in models.values())

    quietest = min(measurements, key=total)
    return dict(quietest)


def _forward_call(predictor: Predictor, rows: EncodedSplit, latency: Latency) -> Call:
    batches = [rows.batch(numbers) for numbers in batch_rows(len(rows), latency)]
    return lambda number: run_batch(predictor, batches[number % len(batches)])
