"""One run at a time makes a key; the others wait for it and then find what it made."""

from __future__ import annotations

import time
from collections.abc import Callable

from mlflow.entities import Run

from tasks.environment.heartbeat import HeartbeatMonitor
from tasks.tracking import history, open_runs

_POLL_SECONDS = 2.0


def wait_for_turn(key: str, run_id: str, say: Callable[[str], None]) -> None:
    """Return when no living run that came earlier still works on a key.

    The queue is in the tracking store, where the result will be: every open run carries its key
    as a tag, and the earliest is first in line. A run whose process died is passed over.

    Args:
        key: The cache key.
        run_id: This stage's own open run, which holds the place in the queue.
        say: Told once of each run that is waited for, as soon as it is.
    """
    watch = HeartbeatMonitor()
    announced: set[str] = set()
    while ahead := _earlier_runs(key, run_id, watch):
        for run in ahead:
            if run.info.run_id not in announced:
                say(open_runs.wait_message(run))
            announced.add(str(run.info.run_id))
        time.sleep(_POLL_SECONDS)


def _earlier_runs(key: str, run_id: str, watch: HeartbeatMonitor) -> list[Run]:
    """The living runs that came earlier; none where somebody deleted this one."""
    queue = sorted(history.open_runs_with_key(key), key=_queue_position)
    mine = [_queue_position(run) for run in queue if run.info.run_id == run_id]
    earlier = [run for run in queue if mine and _queue_position(run) < mine[0]]
    return [run for run in earlier if not open_runs.is_abandoned(run, watch)]


def _queue_position(run: Run) -> tuple[int, str]:
    return int(run.info.start_time), str(run.info.run_id)
