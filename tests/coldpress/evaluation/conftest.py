"""A clock that only the timed models move."""

from __future__ import annotations

import time

import psutil
import pytest


class Clock:
    """Stands in for all clocks: seconds pass when a model says so.

    Attributes:
        now: Wall time.
        elsewhere: The part of it in which another process had the processor.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.elsewhere = 0.0

    def wall(self) -> float:
        return self.now

    def cpu(self) -> float:
        return self.now - self.elsewhere

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.elsewhere += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The only clock during a test, on a machine that does nothing else."""
    made, still = Clock(), psutil.cpu_times()
    monkeypatch.setattr(time, "perf_counter", made.wall)
    monkeypatch.setattr(time, "thread_time", made.cpu)
    monkeypatch.setattr(time, "process_time", made.cpu)
    monkeypatch.setattr(time, "sleep", made.sleep)
    monkeypatch.setattr(psutil, "cpu_times", lambda: still)
    return made
