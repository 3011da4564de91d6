"""Latency of several models on one machine, so that what the machine does meanwhile hits all."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from coldpress.evaluation.scorecard import Percentiles

Call = Callable[[int], object]
"""Answers the text of that number; what it returns is dropped."""

TURN = 20
SETTLING = 3


def interleaved(models: Mapping[str, Call], calls: int) -> dict[str, NDArray[np.float64]]:
    """Time models in short turns, in an order that is shuffled anew each time round.

    A turn is 20 calls on the same 20 texts for every model, after 3 calls that are not timed. With
    turns of one call each model would find the others' weights in the cache, never its own: a
    small model looks a third to a half slower than where it is served alone.

    Args:
        models: What to time, by name.
        calls: Timed calls a model; each is told its number.

    Returns:
        Seconds of every call, shape (calls,), by name.
    """
    seconds = {name: np.empty(calls) for name in models}
    names, order = list(models), np.random.default_rng(0)
    with _without_garbage_collection():
        for name in names:
            _time(models[name], range(min(TURN, calls)))
        for start in range(0, calls, TURN):
            turn = range(start, min(start + TURN, calls))
            for i in order.permutation(len(names)):
                _time(models[names[i]], [(start - n) % calls for n in range(SETTLING, 0, -1)])
                seconds[names[i]][start : turn.stop] = _time(models[names[i]], turn)
    return seconds


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


def _time(model: Call, numbers: Sequence[int]) -> list[float]:
    seconds = []
    for number in numbers:
        start = time.perf_counter()
        model(number)
        seconds.append(time.perf_counter() - start)
    return seconds


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
