"""Latency of several models, interleaved so that disturbances affect all of them."""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from coldpress.evaluation.performance import contention
from coldpress.evaluation.performance.trace import CALLS_PER_TURN, Clock, Timings, Trace
from coldpress.evaluation.scorecard.scorecard import Percentiles

Call = Callable[[int], object]
"""Runs the batch with this number; the result is ignored."""

WARM_UP_CALLS = 3

_CallTiming = tuple[float, float, bool]
"""Wall seconds, CPU seconds and whether the call was interrupted."""


def time_interleaved(models: Mapping[str, Call], calls: int, clock: Clock = "thread") -> Timings:
    """Time models in short turns, in a new random order each round.

    A turn is 20 calls on the same 20 texts for every model, after 3 warm-up calls. With turns of
    one call, each model would find the weights of the others in the cache instead of its own: a
    small model would look a third to a half slower than when it is served alone.

    Args:
        models: Functions to time, by name.
        calls: Timed calls per model; each receives its number.
        clock: CPU clock to use, see `Trace`.

    Returns:
        Wall and CPU time of every call by name, and the load of the machine.
    """
    timings = {name: list[_CallTiming]() for name in models}
    names = list(models)
    random = np.random.default_rng(0)
    machine_use = contention.watch_machine()
    with _garbage_collection_off():
        for name in names:
            _time_calls(models[name], range(min(CALLS_PER_TURN, calls)), clock)
        for start in range(0, calls, CALLS_PER_TURN):
            turn = range(start, min(start + CALLS_PER_TURN, calls))
            for i in random.permutation(len(names)):
                warm_up = [(start - n) % calls for n in range(WARM_UP_CALLS, 0, -1)]
                _time_calls(models[names[i]], warm_up, clock)
                timings[names[i]] += _time_calls(models[names[i]], turn, clock)
    traces = {name: _to_trace(timings[name], clock) for name in names}
    return Timings(traces, machine_use())


def percentiles(seconds: NDArray[np.float64]) -> Percentiles:
    """Return latency percentiles in milliseconds.

    Args:
        seconds: Duration of every call, shape (calls,).
    """
    p50, p95, p99 = np.percentile(seconds * 1e3, [50, 95, 99]).tolist()
    return Percentiles(p50=p50, p95=p95, p99=p99)


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Set the number of intra-op threads of torch, and restore it afterwards."""
    import torch  # ONNX files are timed without it

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _time_calls(model: Call, numbers: Sequence[int], clock: Clock) -> list[_CallTiming]:
    cpu_clock = time.thread_time if clock == "thread" else time.process_time
    timings = []
    for number in numbers:
        interruptions = _count_interruptions(clock)
        cpu = cpu_clock()
        start = time.perf_counter()
        model(number)
        wall = time.perf_counter() - start
        cpu = cpu_clock() - cpu
        timings.append((wall, cpu, _count_interruptions(clock) > interruptions))
    return timings


def _count_interruptions(clock: Clock) -> int:
    """Count how often this thread, or any thread of this process, was preempted."""
    # Only Linux counts per thread.
    thread = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
    scope = thread if clock == "thread" else resource.RUSAGE_SELF
    return resource.getrusage(scope).ru_nivcsw


def _to_trace(timings: Sequence[_CallTiming], clock: Clock) -> Trace:
    table = np.array(timings, dtype=np.float64).reshape(-1, 3)
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
