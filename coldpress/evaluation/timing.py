"""Time candidates on the texts of the test split, one by one or in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coldpress.data.splits import Split
from coldpress.evaluation.candidate import Candidate
from coldpress.evaluation.config import MIN_ROUNDS, Latency
from coldpress.evaluation.performance.latency import (
    Call,
    percentiles,
    time_interleaved,
    torch_threads,
)
from coldpress.evaluation.performance.speedup import Speedup, estimate_speedup, measure_until_clear
from coldpress.evaluation.performance.trace import Timings
from coldpress.evaluation.scorecard.base import Bounds
from coldpress.evaluation.scorecard.final_model import TEACHER
from coldpress.evaluation.scorecard.scorecard import Scorecard

_TEACHER_IN_ONNX = "teacher in ONNX"


@dataclass(frozen=True)
class CandidateTimings:
    """All timings of an evaluation.

    Attributes:
        forward: From token ids to logits; includes the ONNX teacher.
        end_to_end: From texts to logits.
        teacher: Name of the torch teacher; None if there is none.
        latency: The recipe's latency section.
    """

    forward: Timings
    end_to_end: Timings
    teacher: str | None
    latency: Latency


def time_candidates(
    candidates: Sequence[Candidate],
    teacher_in_onnx: Candidate | None,
    test: Split,
    latency: Latency,
) -> CandidateTimings:
    """Time all models of a run, interleaved.

    Args:
        candidates: From the teacher to the final model; untimed ones are skipped.
        teacher_in_onnx: The original teacher in the runtime of the final model.
        test: The texts.
        latency: Batch size, threads and number of calls.

    Returns:
        The timings, repeated if the machine was too busy to determine a speed-up.
    """
    by_name = {candidate.name: candidate for candidate in candidates}
    reference = {} if teacher_in_onnx is None else {_TEACHER_IN_ONNX: teacher_in_onnx}
    teacher = candidates[0].name if candidates[0].name == TEACHER else None
    final = candidates[-1].name
    with torch_threads(latency.threads):
        forward = measure_until_clear(
            lambda: time_forward(by_name | reference, latency), teacher or final, final
        )
        end_to_end = time_end_to_end(by_name, test, latency)
    return CandidateTimings(forward, end_to_end, teacher, latency)


def add_timings(card: Scorecard, candidate: Candidate, timings: CandidateTimings) -> Scorecard:
    """Add a model's timings to its scorecard.

    Args:
        card: The scorecard without timings.
        candidate: The model.
        timings: Of all models.

    Returns:
        The scorecard with timings; unchanged if the model was not timed.
    """
    name = candidate.name
    traces = timings.forward.traces
    if name not in traces:
        return card
    fields: dict[str, Any] = {
        "latency_ms": percentiles(traces[name].seconds),
        "end_to_end_ms": _median_ms(timings.end_to_end, name),
        "batch": timings.latency.batch,
        "threads": timings.latency.threads,
        "contention": timings.forward.contention(name),
    }
    if timings.teacher is not None and timings.teacher in traces:
        gain = estimate_speedup(timings.forward, timings.teacher, name)
        fields |= {"speedup": gain.ratio, "speedup_interval": _bounds(gain)}
        fields["speedup_undetermined"] = gain.obstacle
    if candidate.runtime == "onnxruntime" and _TEACHER_IN_ONNX in traces:
        gain = estimate_speedup(timings.forward, _TEACHER_IN_ONNX, name)
        fields["speedup_same_runtime"] = gain.ratio
        fields["speedup_same_runtime_interval"] = _bounds(gain)
    return card.model_copy(update=fields)


def time_forward(candidates: Mapping[str, Candidate], latency: Latency) -> Timings:
    """Time forward passes, from padded token ids to logits.

    Args:
        candidates: By name.
        latency: Batch size and number of calls.

    Returns:
        Timings of every call; untimed candidates are missing.
    """
    calls = {name: _forward_call(candidate, latency) for name, candidate in candidates.items()}
    models = {name: call for name, call in calls.items() if call}
    # With one thread, torch and ONNX Runtime compute in the thread that calls them.
    return time_interleaved(models, latency.rounds, "thread" if latency.threads == 1 else "wall")


def time_end_to_end(candidates: Mapping[str, Candidate], test: Split, latency: Latency) -> Timings:
    """Time predictions from texts to logits.

    Args:
        candidates: By name.
        test: The texts.
        latency: Batch size and number of calls, of which a third is made.

    Returns:
        Timings of every call; untimed candidates are missing.
    """
    calls = {
        name: _end_to_end_call(candidate, test, latency) for name, candidate in candidates.items()
    }
    # Only the median is reported, which needs fewer calls than a 99th percentile.
    rounds = max(MIN_ROUNDS, latency.rounds // 3)
    models = {name: call for name, call in calls.items() if call}
    # Tokenizers work in threads of their own, for which the caller waits.
    return time_interleaved(models, rounds, "process" if latency.threads == 1 else "wall")


def _median_ms(timings: Timings, name: str) -> float | None:
    seconds = timings.seconds.get(name)
    return None if seconds is None else float(np.median(seconds) * 1e3)


def _bounds(gain: Speedup) -> Bounds | None:
    if gain.low is None or gain.high is None:
        return None
    return Bounds(low=gain.low, high=gain.high)


def _forward_call(candidate: Candidate, latency: Latency) -> Call | None:
    forward = candidate.forward
    if forward is None:
        return None
    batches = [candidate.test.batch(rows) for rows in batch_rows(len(candidate.test), latency)]
    return lambda number: forward(batches[number % len(batches)])


def _end_to_end_call(candidate: Candidate, test: Split, latency: Latency) -> Call | None:
    predict = candidate.end_to_end
    if predict is None:
        return None
    second = test.pairs
    batches = batch_rows(len(test), latency)
    texts = [[test.texts[row] for row in rows] for rows in batches]
    pairs = [None if second is None else [second[row] for row in rows] for rows in batches]
    return lambda number: predict(texts[number % len(texts)], pairs[number % len(pairs)])


def batch_rows(rows: int, latency: Latency) -> list[list[int]]:
    """Return batches of consecutive rows in a fixed random order; the last may wrap around."""
    starts = np.random.default_rng(0).permutation(range(0, rows, latency.batch))
    return [
        [int(start + i) % rows for i in range(latency.batch)] for start in starts[: latency.rounds]
    ]
