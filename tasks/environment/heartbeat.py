"""Signs of life: given by whoever works, and counted by whoever waits.

Clocks of two machines are never compared: a sign is a text that changes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

TAG = "heartbeat"
INTERVAL_SECONDS = 15.0
"""Seconds between two signs."""
_MAX_GAP = 10.0


@contextmanager
def send_heartbeats(give: Callable[[], object]) -> Iterator[None]:
    """Give signs of life in a thread of their own, for the length of a block.

    Args:
        give: Writes one sign. What it raises is ignored: a sign that is not given must not stop
            the work, and the next one may arrive.
    """
    over = threading.Event()

    def work() -> None:
        while not over.wait(INTERVAL_SECONDS):
            with suppress(Exception):
                give()

    threading.Thread(target=work, daemon=True).start()
    try:
        yield
    finally:
        over.set()


class HeartbeatMonitor:
    """How long others have given no sign, as this process has counted it.

    While nobody looks no time passes: in an outage the signs of the living do not arrive either.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, float, float]] = {}

    def silent_for(self, key: str, sign: str) -> float:
        """Look once more.

        Args:
            key: Whose sign it is.
            sign: The last one.

        Returns:
            Seconds that it was seen unchanged; 0 when it is seen for the first time.
        """
        now = time.monotonic()
        known, last, silent = self._seen.get(key, (sign, now, 0.0))
        silent = silent + min(now - last, _MAX_GAP) if known == sign else 0.0
        self._seen[key] = (sign, now, silent)
        return silent
