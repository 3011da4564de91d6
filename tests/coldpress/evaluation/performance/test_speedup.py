"""Speed-ups of traces whose right answer is known, on machines that also work for others."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from coldpress.evaluation.performance.contention import MachineUse
from coldpress.evaluation.performance.latency import time_interleaved
from coldpress.evaluation.performance.speedup import Speedup, estimate_speedup, measure_until_clear
from coldpress.evaluation.performance.trace import Clock, Timings, Trace

QUIET = MachineUse(others=0.02, steal=0.0, waiting=0.0, load=0.1)
BUSY = MachineUse(others=1.0, steal=0.0, waiting=0.9, load=4.0)
Floats = NDArray[np.float64]


class _FakeClock(Protocol):
    now: float
    elsewhere: float


def trace(cpu: Floats, elsewhere: float = 0.0, clock: Clock = "thread") -> Trace:
    """Calls without an interruption, each of which had to wait so many seconds."""
    return Trace(cpu + elsewhere, cpu, np.zeros(len(cpu), dtype=bool), clock)


def timings(teacher: Floats, model: Floats, machine: MachineUse = QUIET) -> Timings:
    return Timings({"teacher": trace(teacher), "onnx": trace(model)}, machine)


def compared(found: Timings) -> Speedup:
    return estimate_speedup(found, "teacher", "onnx")


def taking(
    clock: _FakeClock, seconds: float, waits: Callable[[int], float]
) -> Callable[[int], None]:
    """A model that computes for so long, and waits for a processor as the call's number says."""

    def model(number: int) -> None:
        clock.now += seconds + waits(number)
        clock.elsewhere += waits(number)

    return model


def test_preempted_calls_of_a_long_model_do_not_make_the_short_one_faster(
    clock: _FakeClock,
) -> None:
    """Three of five long calls lose 24 ms to others: wall medians are 34 ms and 0.25 ms."""
    models = {
        "teacher": taking(clock, 10e-3, lambda number: 24e-3 if number % 5 < 3 else 0.0),
        "onnx": taking(clock, 0.25e-3, lambda _: 0.0),
    }
    found = time_interleaved(models, 300)
    walls = [np.median(found.traces[name].wall) for name in ("teacher", "onnx")]
    assert walls[0] / walls[1] == pytest.approx(136)
    gain = compared(found)
    assert gain.low is not None
    assert gain.high is not None
    assert gain.ratio is not None
    assert gain.low < 40 < gain.high
    assert 20 < gain.ratio < 44


def test_the_interval_of_a_quiet_machine_is_that_of_its_turns() -> None:
    """Of three turns, logarithms 0.1 apart: t is 4.3027, so 0.2484 to either side, and 5 %."""
    turns = np.repeat([10 * math.exp(-0.1), 10.0, 10 * math.exp(0.1)], 20)
    gain = compared(timings(turns, np.ones(60)))
    assert gain.ratio == pytest.approx(10)
    assert gain.low == pytest.approx(10 * math.exp(-0.2484) / 1.16, rel=1e-4)
    assert gain.high == pytest.approx(10 * math.exp(0.2484) * 1.16, rel=1e-4)


def test_a_machine_that_is_busy_throughout_widens_the_interval_to_what_that_may_cost() -> None:
    gain = compared(timings(np.full(60, 10.0), np.ones(60), BUSY))
    assert gain.low == pytest.approx(10 / 1.16 / 2.5)
    assert gain.high == pytest.approx(10 * 1.16 * 1.3)
    assert gain.ratio == pytest.approx(10 * math.sqrt(1.3 / 2.5))


def test_a_model_is_as_fast_as_itself() -> None:
    found = timings(np.full(60, 10.0), np.ones(60), BUSY)
    assert estimate_speedup(found, "onnx", "onnx") == Speedup(1.0, 1.0, 1.0)


def test_calls_that_hardly_got_a_processor_show_nothing() -> None:
    starved = {"teacher": trace(np.full(60, 1.0), 24.0), "onnx": trace(np.full(60, 0.1))}
    gain = compared(Timings(starved, BUSY))
    assert (gain.ratio, gain.low, gain.high) == (None, None, None)
    assert gain.obstacle == "the timed calls had a processor for only 4% of their time"


def test_turns_that_contradict_one_another_show_nothing() -> None:
    gain = compared(timings(np.repeat([1.0, 20.0, 400.0], 20), np.ones(60)))
    assert gain.ratio is None
    assert gain.obstacle is not None
    assert gain.obstacle.startswith("its interval would span a factor of ")


def on_threads(interrupted: NDArray[np.bool_]) -> Timings:
    """A teacher of several threads whose interrupted calls took ten times as long."""
    slow = np.where(interrupted, 100.0, 10.0)
    never = np.zeros(60, dtype=bool)
    teacher = Trace(slow, 2 * np.full(60, 10.0), interrupted, "wall")
    model = Trace(np.ones(60), 2 * np.ones(60), never, "wall")
    return Timings({"teacher": teacher, "onnx": model}, QUIET)


def test_on_several_threads_interrupted_calls_are_left_out() -> None:
    gain = compared(on_threads(np.arange(60) % 5 < 3))
    assert gain.low is not None
    assert gain.high is not None
    assert gain.low < 10 < gain.high < 20


def test_on_several_threads_that_are_always_interrupted_nothing_is_shown() -> None:
    gain = compared(on_threads(np.arange(60) % 10 > 0))
    assert gain.ratio is None
    assert gain.obstacle == "of 60 calls only 6 were not interrupted by other processes"


@given(
    st.lists(st.floats(1, 2), min_size=60, max_size=100),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(1e-4, 1e4),
)
def test_more_contention_only_widens_and_units_do_not_matter(
    teacher: list[float], one: float, other: float, unit: float
) -> None:
    slow, fast = np.array(teacher), np.ones(len(teacher))
    calm, busy = (MachineUse(level, 0.0, None, 1.0) for level in sorted((one, other)))
    narrow, wide = (compared(timings(slow, fast, machine)) for machine in (calm, busy))
    scaled = compared(timings(slow * unit, fast * unit, calm))
    assert narrow.low and narrow.high and narrow.ratio and wide.low and wide.high and wide.ratio
    assert wide.low <= narrow.low <= narrow.ratio <= narrow.high <= wide.high
    assert wide.low <= wide.ratio <= narrow.ratio
    assert scaled.ratio == pytest.approx(narrow.ratio)
    assert scaled.low == pytest.approx(narrow.low)


def noisy_turns(draw: np.random.Generator, turns: int) -> Floats:
    """Factors of calls, of which each turn shares one."""
    shared = np.repeat(draw.lognormal(0, 0.1, turns), 20)
    return np.asarray(shared * draw.lognormal(0, 0.05, 20 * turns))


@pytest.mark.parametrize("turns", [3, 15])
def test_the_interval_holds_the_true_ratio_as_often_as_it_says(turns: int) -> None:
    draw, inside = np.random.default_rng(0), 0
    for _ in range(300):
        gain = compared(timings(12 * noisy_turns(draw, turns), noisy_turns(draw, turns)))
        inside += gain.low is None or gain.high is None or gain.low < 12 < gain.high
    assert inside >= 0.95 * 300


def attempts(*made: Timings) -> tuple[Timings, int]:
    """What is taken of these, and how many were asked for."""
    left = list(made)
    return measure_until_clear(lambda: left.pop(0), "teacher", "onnx"), len(made) - len(left)


CLEAR = timings(np.full(60, 10.0), np.ones(60))
UNCLEAR = timings(np.repeat([1.0, 20.0, 400.0], 20), np.ones(60), BUSY)


def test_a_speedup_that_is_shown_is_measured_once(clock: _FakeClock) -> None:
    assert attempts(CLEAR, CLEAR) == (CLEAR, 1)
    assert clock.now == 0


def test_one_that_is_not_is_measured_again_after_a_pause(clock: _FakeClock) -> None:
    found, asked = attempts(UNCLEAR, CLEAR, CLEAR)
    assert (found.traces, found.attempts, asked) == (CLEAR.traces, 2, 2)
    assert clock.now == pytest.approx(2)


def test_three_times_at_most(clock: _FakeClock) -> None:
    found, asked = attempts(UNCLEAR, UNCLEAR, UNCLEAR, CLEAR)
    assert (found.attempts, asked) == (3, 3)
    assert compared(found).ratio is None


def test_not_again_where_that_would_take_more_than_ten_seconds(clock: _FakeClock) -> None:
    asked = 0

    def measure() -> Timings:
        nonlocal asked
        asked += 1
        clock.now += 9.0
        return UNCLEAR

    assert measure_until_clear(measure, "teacher", "onnx") is UNCLEAR
    assert asked == 1


def test_models_that_are_not_timed_are_not_waited_for(clock: _FakeClock) -> None:
    nothing = Timings({}, QUIET)
    assert attempts(nothing, CLEAR) == (nothing, 1)
