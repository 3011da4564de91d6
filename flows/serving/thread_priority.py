"""Priority of threads whose work can wait while users wait for predictions."""

from __future__ import annotations

import os
import sys
import threading

_INCREMENT = 10
"""Of the niceness: on a busy processor, such a thread gets a tenth of a normal thread's time."""


def lower_priority() -> None:
    """Lower the priority of this thread; only on Linux does a thread have its own."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        niceness = os.getpriority(os.PRIO_PROCESS, thread) + _INCREMENT
        os.setpriority(os.PRIO_PROCESS, thread, niceness)
