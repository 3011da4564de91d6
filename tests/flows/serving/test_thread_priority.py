"""Threads beside the server give way to predictions."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from flows.serving.server import Background
from flows.serving.thread_priority import lower_priority

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads have no own priority")


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.parametrize(("awaited", "difference"), [(False, 1), (True, 0)])
def test_only_a_thread_that_nobody_awaits_is_slower(awaited: bool, difference: int) -> None:
    before = niceness()
    inside: list[int] = []
    background = Background(lambda _: inside.append(niceness()), awaited=awaited)
    thread = threading.Thread(target=background.start, args=(threading.Event(),))
    thread.start()
    thread.join()
    assert inside == [min(19, before + 10 * difference)]
    assert niceness() == before


def test_the_lowest_priority_remains() -> None:
    def lower_three_times() -> None:
        for _ in range(3):
            lower_priority()
        lowest.append(niceness())

    lowest: list[int] = []
    thread = threading.Thread(target=lower_three_times)
    thread.start()
    thread.join()
    assert lowest == [19]
