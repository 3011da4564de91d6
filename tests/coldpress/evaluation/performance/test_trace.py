"""Own time of a call, by clock."""

from __future__ import annotations

import numpy as np
import pytest

from coldpress.evaluation.performance.contention import MachineUse
from coldpress.evaluation.performance.latency import time_interleaved
from coldpress.evaluation.performance.trace import Clock, Timings, Trace

# Three calls: alone, beside another process, and on two threads at once.
WALL = np.array([2.0, 6.0, 2.0])
CPU = np.array([2.0, 2.0, 4.0])
INTERRUPTED = np.array([False, True, False])


@pytest.mark.parametrize("clock", ["thread", "process"])
def test_time_of_other_processes_is_not_counted(clock: Clock) -> None:
    trace = Trace(WALL, CPU, INTERRUPTED, clock)
    assert trace.seconds.tolist() == [2.0, 2.0, 2.0]
    assert trace.cpu_share == pytest.approx(0.6)


def test_threads_that_work_at_once_have_wall_time_alone() -> None:
    trace = Trace(WALL, CPU, INTERRUPTED, "wall")
    assert trace.seconds.tolist() == [2.0, 6.0, 2.0]
    assert trace.cpu_share is None


def test_contention_is_that_of_the_models_calls_and_of_the_machine() -> None:
    machine = MachineUse(others=0.5, steal=0.1, waiting=None, load=2.5)
    contention = Timings({"onnx": Trace(WALL, CPU, INTERRUPTED)}, machine, 2).contention("onnx")
    assert contention.model_dump() == {
        "cpu_share": pytest.approx(0.6),
        "interrupted": pytest.approx(1 / 3),
        "others": 0.5,
        "steal": 0.1,
        "waiting": None,
        "load": 2.5,
        "attempts": 2,
    }


def test_a_model_that_sleeps_uses_no_processor() -> None:
    """On the real clocks: the model waits for a pipe without a writer."""
    import select

    measured = time_interleaved({"model": lambda _: select.select([], [], [], 0.005)}, 20).traces[
        "model"
    ]
    assert (measured.wall >= 0.005).all()
    assert measured.seconds.sum() < 0.5 * measured.wall.sum()
