"""Single flight: one run computes a cache key while the others wait and then reuse its result."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tasks.environment.heartbeat import HeartbeatMonitor
from tasks.tracking import history, open_runs

if TYPE_CHECKING:
    from mlflow.entities import Run

_POLL_SECONDS = 2.0


def wait_for_turn(key: str, run_id: str, log: Callable[[str], None]) -> None:
    """Wait until no earlier live run is working on the same cache key.

    The queue is in the tracking store: every open run carries its key as a tag, and the earliest
    one goes first. A run whose process died is skipped.

    Args:
        key: The cache key.
        run_id: This stage's own open run, which has its position in the queue.
        log: Called once with a message for each run that is waited for.
    """
    monitor = HeartbeatMonitor()
    announced: set[str] = set()
    while ahead := _earlier_runs(key, run_id, monitor):
        for run in ahead:
            if run.info.run_id not in announced:
                log(open_runs.wait_message(run))
            announced.add(str(run.info.run_id))
        time.sleep(_POLL_SECONDS)


def _earlier_runs(key: str, run_id: str, monitor: HeartbeatMonitor) -> list[Run]:
    """Live runs ahead in the queue; empty if the own run was deleted in MLflow."""
    queue = sorted(history.open_runs_with_key(key), key=_queue_position)
    own = [_queue_position(run) for run in queue if run.info.run_id == run_id]
    earlier = [run for run in queue if own and _queue_position(run) < own[0]]
    return [run for run in earlier if not open_runs.is_abandoned(run, monitor)]


def _queue_position(run: Run) -> tuple[int, str]:
    return int(run.info.start_time), str(run.info.run_id)
