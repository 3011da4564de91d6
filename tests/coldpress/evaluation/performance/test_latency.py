"""Interleaved timing, on a clock that the models advance."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from itertools import groupby
from typing import Protocol

import numpy as np
import pytest
import torch

from coldpress.evaluation.performance.latency import percentiles, time_interleaved, torch_threads
from coldpress.evaluation.scorecard.scorecard import Percentiles


class _Clock(Protocol):
    now: float


def test_every_call_has_the_time_that_it_took(clock: _Clock) -> None:
    def model(number: int) -> None:
        clock.now += number

    seconds = time_interleaved({"model": model}, 50).seconds
    assert seconds["model"] == pytest.approx(np.arange(50))


def test_a_machine_that_slows_down_slows_all_alike(clock: _Clock) -> None:
    def slowing_model(seconds: float) -> Callable[[int], None]:
        def model(_: int) -> None:
            clock.now += seconds * (1 + clock.now)

        return model

    seconds = time_interleaved(
        {"large": slowing_model(1e-3), "small": slowing_model(1e-4)}, 1000
    ).seconds
    assert seconds["large"][-20:].mean() > 2 * seconds["large"][:20].mean()
    ratio = np.median(seconds["large"]) / np.median(seconds["small"])
    assert ratio == pytest.approx(10, rel=0.05)


def test_models_take_short_turns_in_changing_order() -> None:
    calls: list[tuple[str, int]] = []

    def recording(name: str) -> Callable[[int], None]:
        return lambda number: calls.append((name, number))

    time_interleaved({name: recording(name) for name in "abc"}, 200)
    turns = [name for name, _ in groupby(name for name, _ in calls)]
    longest = max(len(list(turn)) for _, turn in groupby(name for name, _ in calls))
    assert longest <= 2 * 23
    assert len(turns) > 20
    assert len({"".join(turns[i : i + 3]) for i in range(3, 27, 3)}) > 1


def test_all_models_run_the_same_calls() -> None:
    numbers: dict[str, list[int]] = {"a": [], "b": []}
    seconds = time_interleaved({name: numbers[name].append for name in numbers}, 30).seconds
    assert numbers["a"] == numbers["b"]
    assert set(numbers["a"]) == set(range(30))
    assert [len(s) for s in seconds.values()] == [30, 30]
    # 20 to warm up, then two turns of 3 untimed and 20 or 10 timed calls.
    assert len(numbers["a"]) == 20 + (3 + 20) + (3 + 10)
    assert Counter(numbers["a"])[25] == 1


def test_garbage_is_collected_between_timings_only() -> None:
    states: list[bool] = []
    time_interleaved({"model": lambda _: states.append(gc.isenabled())}, 20)
    assert not any(states)
    assert gc.isenabled()


def test_percentiles_are_milliseconds() -> None:
    seconds = np.arange(101) / 1000
    assert percentiles(seconds) == Percentiles(p50=50.0, p95=95.0, p99=99.0)


def test_torch_gets_its_threads_back_even_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        _ = 1 / 0
    assert torch.get_num_threads() == before
