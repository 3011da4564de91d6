"""A process that ends when the one that started it is gone, however that ended."""

from __future__ import annotations

import os
import threading


def end_with_parent() -> None:
    """End this process when its standard input is closed.

    The parent holds the other end of this pipe, which the system closes even if it is killed. Ranks
    inherit the pipe from their launcher, so they end with the launcher's parent.
    """
    threading.Thread(target=_wait_for_end, name="parent", daemon=True).start()


def _wait_for_end() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)
