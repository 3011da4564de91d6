"""Time subjects on the texts of the test split, alone or in consecutive groups."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from coldpress.benchmark import Split
from coldpress.evaluation.latency import Call, interleaved
from coldpress.evaluation.section import FEWEST_CALLS, Latency
from coldpress.evaluation.subject import Subject

Seconds = Mapping[str, NDArray[np.float64]]
"""Of every timed call, by name of the subject; a subject that cannot be timed is missing."""


def time_answers(subjects: Mapping[str, Subject], latency: Latency) -> Seconds:
    """Time forward passes, from padded token ids to logits.

    Args:
        subjects: By name.
        latency: Texts a call, and calls.

    Returns:
        Seconds of every call.
    """
    calls = {name: _answering(subject, latency) for name, subject in subjects.items()}
    return interleaved({n: call for n, call in calls.items() if call}, latency.rounds)


def time_end_to_end(subjects: Mapping[str, Subject], test: Split, latency: Latency) -> Seconds:
    """Time whole answers, from texts to logits.

    Args:
        subjects: By name.
        test: Where the texts are from.
        latency: Texts a call, and three times the calls.

    Returns:
        Seconds of every call.
    """
    calls = {name: _reading(subject, test, latency) for name, subject in subjects.items()}
    # A median, which is all that is reported, settles earlier than a 99th percentile.
    rounds = max(FEWEST_CALLS, latency.rounds // 3)
    return interleaved({n: call for n, call in calls.items() if call}, rounds)


def _answering(subject: Subject, latency: Latency) -> Call | None:
    answer = subject.answer
    if answer is None:
        return None
    batches = [subject.test.batch(rows) for rows in _groups(len(subject.test), latency)]
    return lambda number: answer(batches[number % len(batches)])


def _reading(subject: Subject, test: Split, latency: Latency) -> Call | None:
    read, second = subject.end_to_end, test.pairs
    if read is None:
        return None
    groups = _groups(len(test), latency)
    texts = [[test.texts[row] for row in rows] for rows in groups]
    pairs = [None if second is None else [second[row] for row in rows] for rows in groups]
    return lambda number: read(texts[number % len(texts)], pairs[number % len(pairs)])


def _groups(rows: int, latency: Latency) -> list[list[int]]:
    """Return groups of consecutive rows in a fixed, shuffled order; the last may wrap around."""
    starts = np.random.default_rng(0).permutation(range(0, rows, latency.batch))
    return [
        [int(start + i) % rows for i in range(latency.batch)] for start in starts[: latency.rounds]
    ]
