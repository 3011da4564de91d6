"""Speed-ups of traces with known results, on quiet and on busy machines."""

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
    """Calls without interruptions, each of which waited `elsewhere` seconds."""
    return Trace(cpu + elsewhere, cpu, np.zeros(len(cpu), dtype=bool), clock)


def timings(teacher: Floats, model: Floats, machine: MachineUse = QUIET) -> Timings:
    return Timings({"teacher": trace(teacher), "onnx": trace(model)}, machine)


def compare(measured: Timings) -> Speedup:
    return estimate_speedup(measured, "teacher", "onnx")


def busy_model(
    clock: _FakeClock, seconds: float, waits: Callable[[int], float]
) -> Callable[[int], None]:
    """A model that computes for `seconds` and waits as long as `waits` of the call's number."""

    def model(number: int) -> None:
        clock.now += seconds + waits(number)
        clock.elsewhere += waits(number)

    return model


def test_preempted_calls_of_a_long_model_do_not_make_the_short_one_faster(
    clock: _FakeClock,
) -> None:
    """Three of five long calls wait 24 ms: wall medians are 34 ms and 0.25 ms."""
    models = {
        "teacher": busy_model(clock, 10e-3, lambda number: 24e-3 if number % 5 < 3 else 0.0),
        "onnx": busy_model(clock, 0.25e-3, lambda _: 0.0),
    }
    measured = time_interleaved(models, 300)
    walls = [np.median(measured.traces[name].wall) for name in ("teacher", "onnx")]
    assert walls[0] / walls[1] == pytest.approx(136)
    gain = compare(measured)
    assert gain.low is not None
    assert gain.high is not None
    assert gain.ratio is not None
    assert gain.low < 40 < gain.high
    assert 20 < gain.ratio < 44


def test_the_interval_of_a_quiet_machine_is_that_of_its_turns() -> None:
    """Of three turns, logarithms 0.1 apart: t is 4.3027, so 0.2484 to either side, and 5 %."""
    turns = np.repeat([10 * math.exp(-0.1), 10.0, 10 * math.exp(0.1)], 20)
    gain = compare(timings(turns, np.ones(60)))
    assert gain.ratio == pytest.approx(10)
    assert gain.low == pytest.approx(10 * math.exp(-0.2484) / 1.16, rel=1e-4)
    assert gain.high == pytest.approx(10 * math.exp(0.2484) * 1.16, rel=1e-4)


def test_a_busy_machine_widens_the_interval() -> None:
    gain = compare(timings(np.full(60, 10.0), np.ones(60), BUSY))
    assert gain.low == pytest.approx(10 / 1.16 / 2.5)
    assert gain.high == pytest.approx(10 * 1.16 * 1.3)
    assert gain.ratio == pytest.approx(10 * math.sqrt(1.3 / 2.5))


def test_a_model_is_as_fast_as_itself() -> None:
    measured = timings(np.full(60, 10.0), np.ones(60), BUSY)
    assert estimate_speedup(measured, "onnx", "onnx") == Speedup(1.0, 1.0, 1.0)


def test_starved_calls_have_no_speedup() -> None:
    starved = {"teacher": trace(np.full(60, 1.0), 24.0), "onnx": trace(np.full(60, 0.1))}
    gain = compare(Timings(starved, BUSY))
    assert (gain.ratio, gain.low, gain.high) == (None, None, None)
    assert gain.obstacle == "the timed calls had a processor for only 4% of their time"


def test_contradictory_turns_have_no_speedup() -> None:
    gain = compare(timings(np.repeat([1.0, 20.0, 400.0], 20), np.ones(60)))
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


def test_on_several_threads_interrupted_calls_are_dropped() -> None:
    gain = compare(on_threads(np.arange(60) % 5 < 3))
    assert gain.low is not None
    assert gain.high is not None
    assert gain.low < 10 < gain.high < 20


def test_on_several_threads_always_interrupted_calls_have_no_speedup() -> None:
    gain = compare(on_threads(np.arange(60) % 10 > 0))
    assert gain.ratio is None
    assert gain.obstacle == "of 60 calls only 6 were not interrupted by other processes"


@given(
    st.lists(st.floats(1, 2), min_size=60, max_size=100),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(1e-4, 1e4),
)
def test_more_contention_only_widens_and_units_do_not_matter(
    teacher: list[float], first_load: float, second_load: float, unit: float
) -> None:
    slow = np.array(teacher)
    fast = np.ones(len(teacher))
    calm, busy = (MachineUse(level, 0.0, None, 1.0) for level in sorted((first_load, second_load)))
    narrow, wide = (compare(timings(slow, fast, machine)) for machine in (calm, busy))
    scaled = compare(timings(slow * unit, fast * unit, calm))
    assert narrow.low and narrow.high and narrow.ratio and wide.low and wide.high and wide.ratio
    assert wide.low <= narrow.low <= narrow.ratio <= narrow.high <= wide.high
    assert wide.low <= wide.ratio <= narrow.ratio
    assert scaled.ratio == pytest.approx(narrow.ratio)
    assert scaled.low == pytest.approx(narrow.low)


def noisy_turns(draw: np.random.Generator, turns: int) -> Floats:
    """Factors of calls, with one shared factor per turn."""
    shared = np.repeat(draw.lognormal(0, 0.1, turns), 20)
    return np.asarray(shared * draw.lognormal(0, 0.05, 20 * turns))


@pytest.mark.parametrize("turns", [3, 15])
def test_the_interval_covers_the_true_ratio(turns: int) -> None:
    draw = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        gain = compare(timings(12 * noisy_turns(draw, turns), noisy_turns(draw, turns)))
        inside += gain.low is None or gain.high is None or gain.low < 12 < gain.high
    assert inside >= 0.95 * 300


def attempts(*results: Timings) -> tuple[Timings, int]:
    """The chosen timings, and how many were measured."""
    remaining = list(results)
    return measure_until_clear(lambda: remaining.pop(0), "teacher", "onnx"), len(results) - len(
        remaining
    )


CLEAR = timings(np.full(60, 10.0), np.ones(60))
UNCLEAR = timings(np.repeat([1.0, 20.0, 400.0], 20), np.ones(60), BUSY)


def test_a_clear_speedup_is_measured_once(clock: _FakeClock) -> None:
    assert attempts(CLEAR, CLEAR) == (CLEAR, 1)
    assert clock.now == 0


def test_an_unclear_speedup_is_measured_again_after_a_pause(clock: _FakeClock) -> None:
    measured, calls = attempts(UNCLEAR, CLEAR, CLEAR)
    assert (measured.traces, measured.attempts, calls) == (CLEAR.traces, 2, 2)
    assert clock.now == pytest.approx(2)


def test_a_speedup_is_measured_at_most_three_times(clock: _FakeClock) -> None:
    measured, calls = attempts(UNCLEAR, UNCLEAR, UNCLEAR, CLEAR)
    assert (measured.attempts, calls) == (3, 3)
    assert compare(measured).ratio is None


def test_a_measurement_of_more_than_ten_seconds_is_not_repeated(clock: _FakeClock) -> None:
    calls = 0

    def measure() -> Timings:
        nonlocal calls
        calls += 1
        clock.now += 9.0
        return UNCLEAR

    assert measure_until_clear(measure, "teacher", "onnx") is UNCLEAR
    assert calls == 1


def test_untimed_models_are_not_measured_again(clock: _FakeClock) -> None:
    untimed = Timings({}, QUIET)
    assert attempts(untimed, CLEAR) == (untimed, 1)
