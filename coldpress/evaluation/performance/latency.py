"""Latency of several models on one machine, so that what the machine does meanwhile hits all."""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from coldpress.evaluation.performance import contention
from coldpress.evaluation.performance.trace import Clock, Timings, Trace
from coldpress.evaluation.scorecard.scorecard import Percentiles

Call = Callable[[int], object]
"""Answers the text of that number; what it returns is dropped."""

CALLS_PER_TURN = 20
WARM_UP_CALLS = 3

_CallTiming = tuple[float, float, bool]
"""Wall and CPU seconds of a call, and whether it was interrupted."""


def time_interleaved(models: Mapping[str, Call], calls: int, clock: Clock = "thread") -> Timings:
    """Time models in short turns, in an order that is shuffled anew each time round.

    A turn is 20 calls on the same 20 texts for every model, after 3 calls that are not timed. With
    turns of one call each model would find the others' weights in the cache, never its own: a
    small model looks a third to a half slower than where it is served alone.

    Args:
        models: What to time, by name.
        calls: Timed calls a model; each is told its number.
        clock: Which CPU time counts, see `Trace`.

    Returns:
        Wall and CPU time of every call, by name, and how busy the machine was.
    """
    readings = {name: list[_CallTiming]() for name in models}
    names, order = list(models), np.random.default_rng(0)
    machine_use = contention.watch_machine()
    with _garbage_collection_off():
        for name in names:
            _time_calls(models[name], range(min(CALLS_PER_TURN, calls)), clock)
        for start in range(0, calls, CALLS_PER_TURN):
            turn = range(start, min(start + CALLS_PER_TURN, calls))
            for i in order.permutation(len(names)):
                settling = [(start - n) % calls for n in range(WARM_UP_CALLS, 0, -1)]
                _time_calls(models[names[i]], settling, clock)
                readings[names[i]] += _time_calls(models[names[i]], turn, clock)
    traces = {name: _to_trace(readings[name], clock) for name in names}
    return Timings(traces, machine_use())


def percentiles(seconds: NDArray[np.float64]) -> Percentiles:
    """Fold the calls of one model.

    Args:
        seconds: Shape (calls,).

    Returns:
        Milliseconds.
    """
    p50, p95, p99 = np.percentile(seconds * 1e3, [50, 95, 99]).tolist()
    return Percentiles(p50=p50, p95=p95, p99=p99)


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Let torch compute on so many threads, and on as many as before afterwards.

    Args:
        threads: Intra-op threads.

    Yields:
        Nothing.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _time_calls(model: Call, numbers: Sequence[int], clock: Clock) -> list[_CallTiming]:
    cpu_clock = time.thread_time if clock == "thread" else time.process_time
    readings = []
    for number in numbers:
        interruptions, cpu = _count_interruptions(clock), cpu_clock()
        start = time.perf_counter()
        model(number)
        wall = time.perf_counter() - start
        cpu = cpu_clock() - cpu
        readings.append((wall, cpu, _count_interruptions(clock) > interruptions))
    return readings


def _count_interruptions(clock: Clock) -> int:
    """Count how often this thread, or a thread of this process, had to leave its processor."""
    # Only Linux counts a thread's.
    thread = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
    who = thread if clock == "thread" else resource.RUSAGE_SELF
    return resource.getrusage(who).ru_nivcsw


def _to_trace(readings: Sequence[_CallTiming], clock: Clock) -> Trace:
    table = np.array(readings, dtype=np.float64).reshape(-1, 3)
    return Trace(table[:, 0], table[:, 1], table[:, 2] > 0, clock)


@contextmanager
def _garbage_collection_off() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
