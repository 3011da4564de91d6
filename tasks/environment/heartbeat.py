"""Heartbeats: sent by a working process and watched by a waiting one.

A heartbeat is a text that changes, so the clocks of two machines are never compared.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

TAG = "heartbeat"
INTERVAL_SECONDS = 15.0
"""Seconds between two heartbeats."""
_MAX_GAP = 10.0


@contextmanager
def send_heartbeats(send: Callable[[], object]) -> Iterator[None]:
    """Send heartbeats from a separate thread for the duration of a block.

    Args:
        send: Sends one heartbeat. Its exceptions are ignored: a failure must not stop the work,
            and the next heartbeat may arrive.
    """
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(INTERVAL_SECONDS):
            with suppress(Exception):
                send()

    threading.Thread(target=work, daemon=True).start()
    try:
        yield
    finally:
        stop.set()


class HeartbeatMonitor:
    """Measures how long others have sent no heartbeat, by the clock of this process.

    Time between two calls counts only up to a limit: during an outage no heartbeats arrive at all.
    """

    def __init__(self) -> None:
        self._latest: dict[str, tuple[str, float, float]] = {}

    def silent_for(self, key: str, heartbeat: str) -> float:
        """Record the latest heartbeat of a process and return for how long it has not changed.

        Args:
            key: Identifies the sender.
            heartbeat: Its latest heartbeat.

        Returns:
            Seconds without a change; 0 for a new heartbeat.
        """
        now = time.monotonic()
        previous, last, silent = self._latest.get(key, (heartbeat, now, 0.0))
        silent = silent + min(now - last, _MAX_GAP) if previous == heartbeat else 0.0
        self._latest[key] = (heartbeat, now, silent)
        return silent
