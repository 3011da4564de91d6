"""A clock that only the timed models move."""

from __future__ import annotations

import time

import psutil
import pytest


class Clock:
    """Replaces all clocks: time passes only when a model advances it.

    Attributes:
        now: Wall time.
        elsewhere: The part of it in which another process ran.
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
    """The only clock during a test, on an otherwise idle machine."""
    fake = Clock()
    cpu_times = psutil.cpu_times()
    monkeypatch.setattr(time, "perf_counter", fake.wall)
    monkeypatch.setattr(time, "thread_time", fake.cpu)
    monkeypatch.setattr(time, "process_time", fake.cpu)
    monkeypatch.setattr(time, "sleep", fake.sleep)
    monkeypatch.setattr(psutil, "cpu_times", lambda: cpu_times)
    return fake
