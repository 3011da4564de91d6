"""A clock that only the timed models move."""

from __future__ import annotations

import time

import pytest


class Clock:
    """Stands in for `time.perf_counter`: seconds pass when a model says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The only clock during a test."""
    made = Clock()
    monkeypatch.setattr(time, "perf_counter", made)
    return made
