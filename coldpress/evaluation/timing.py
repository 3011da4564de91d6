"""Time subjects on the texts of the test split, alone or in consecutive groups."""

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
from coldpress.evaluation.scorecard.scorecard import Scorecard

_TEACHER_IN_ONNX = "teacher in ONNX"


@dataclass(frozen=True)
class CandidateTimings:
    """All timings of an evaluation.

    Attributes:
        answers: From token ids to logits; of the ONNX teacher, too.
        end_to_end: From texts to logits.
        teacher: Name of the torch teacher.
        latency: What was timed.
    """

    answers: Timings
    end_to_end: Timings
    teacher: str
    latency: Latency


def time_candidates(
    subjects: Sequence[Candidate], teacher_in_onnx: Candidate | None, test: Split, latency: Latency
) -> CandidateTimings:
    """Time all models of a run in turns.

    Args:
        subjects: From the teacher to the final model; those that cannot be timed are left out.
        teacher_in_onnx: The unpressed teacher in the runtime of the final model.
        test: Where the texts are from.
        latency: What is timed.

    Returns:
        Their timings, taken again where the machine was too busy for a speed-up.
    """
    judged = {subject.name: subject for subject in subjects}
    reference = {} if teacher_in_onnx is None else {_TEACHER_IN_ONNX: teacher_in_onnx}
    teacher, final = subjects[0].name, subjects[-1].name
    with torch_threads(latency.threads):
        answers = measure_until_clear(
            lambda: time_forward(judged | reference, latency), teacher, final
        )
        end_to_end = time_end_to_end(judged, test, latency)
    return CandidateTimings(answers, end_to_end, teacher, latency)


def add_timings(card: Scorecard, subject: Candidate, times: CandidateTimings) -> Scorecard:
    """Write a model's timings into its scorecard.

    Args:
        card: Without any.
        subject: The model.
        times: Of all models.

    Returns:
        The scorecard, as it was where the model cannot be timed.
    """
    name, traces = subject.name, times.answers.traces
    if name not in traces:
        return card
    fields: dict[str, Any] = {
        "latency_ms": percentiles(traces[name].seconds),
        "end_to_end_ms": _median_ms(times.end_to_end, name),
        "batch": times.latency.batch,
        "threads": times.latency.threads,
        "contention": times.answers.contention(name),
    }
    if times.teacher in traces:
        gain = estimate_speedup(times.answers, times.teacher, name)
        fields |= {"speedup": gain.ratio, "speedup_interval": _bounds(gain)}
        fields["speedup_undetermined"] = gain.obstacle
    if subject.runtime == "onnxruntime" and _TEACHER_IN_ONNX in traces:
        gain = estimate_speedup(times.answers, _TEACHER_IN_ONNX, name)
        fields["speedup_same_runtime"] = gain.ratio
        fields["speedup_same_runtime_interval"] = _bounds(gain)
    return card.model_copy(update=fields)


def time_forward(subjects: Mapping[str, Candidate], latency: Latency) -> Timings:
    """Time forward passes, from padded token ids to logits.

    Args:
        subjects: By name.
        latency: Texts a call, and calls.

    Returns:
        Of every call; a subject that cannot be timed is missing.
    """
    calls = {name: _forward_call(subject, latency) for name, subject in subjects.items()}
    models = {name: call for name, call in calls.items() if call}
    # With one thread, torch and ONNX Runtime compute in the thread that calls them.
    return time_interleaved(models, latency.rounds, "thread" if latency.threads == 1 else "wall")


def time_end_to_end(subjects: Mapping[str, Candidate], test: Split, latency: Latency) -> Timings:
    """Time whole answers, from texts to logits.

    Args:
        subjects: By name.
        test: Where the texts are from.
        latency: Texts a call, and three times the calls.

    Returns:
        Of every call; a subject that cannot be timed is missing.
    """
    calls = {name: _end_to_end_call(subject, test, latency) for name, subject in subjects.items()}
    # A median, which is all that is reported, settles earlier than a 99th percentile.
    rounds = max(MIN_ROUNDS, latency.rounds // 3)
    models = {name: call for name, call in calls.items() if call}
    # Tokenizers read texts in threads of their own, and the caller waits for them.
    return time_interleaved(models, rounds, "process" if latency.threads == 1 else "wall")


def _median_ms(timings: Timings, name: str) -> float | None:
    seconds = timings.seconds.get(name)
    return None if seconds is None else float(np.median(seconds) * 1e3)


def _bounds(gain: Speedup) -> Bounds | None:
    if gain.low is None or gain.high is None:
        return None
    return Bounds(low=gain.low, high=gain.high)


def _forward_call(subject: Candidate, latency: Latency) -> Call | None:
    answer = subject.answer
    if answer is None:
        return None
    batches = [subject.test.batch(rows) for rows in _batch_rows(len(subject.test), latency)]
    return lambda number: answer(batches[number % len(batches)])


def _end_to_end_call(subject: Candidate, test: Split, latency: Latency) -> Call | None:
    read, second = subject.end_to_end, test.pairs
    if read is None:
        return None
    groups = _batch_rows(len(test), latency)
    texts = [[test.texts[row] for row in rows] for rows in groups]
    pairs = [None if second is None else [second[row] for row in rows] for rows in groups]
    return lambda number: read(texts[number % len(texts)], pairs[number % len(pairs)])


def _batch_rows(rows: int, latency: Latency) -> list[list[int]]:
    """Return groups of consecutive rows in a fixed, shuffled order; the last may wrap around."""
    starts = np.random.default_rng(0).permutation(range(0, rows, latency.batch))
    return [
        [int(start + i) % rows for i in range(latency.batch)] for start in starts[: latency.rounds]
    ]
