"""One run at a time makes a key; the others wait for it and then find what it made."""

from __future__ import annotations

import time

from mlflow.entities import Run

from tasks import history, tracking

_POLL_SECONDS = 2.0


def wait_for_turn(key: str, run_id: str) -> None:
    """Return when no living run that came earlier still works on a key.

    The queue is in the tracking store, where the result will be: every open run carries its key
    as a tag, and the earliest is first in line. A run whose process died is passed over.

    Args:
        key: The cache key.
        run_id: This stage's own open run, which holds the place in the queue.
    """
    while _is_blocked(key, run_id):
        time.sleep(_POLL_SECONDS)


def _is_blocked(key: str, run_id: str) -> bool:
    queue = sorted(history.open_runs_with_key(key), key=_place)
    mine = next(run for run in queue if run.info.run_id == run_id)
    earlier = (run for run in queue if _place(run) < _place(mine))
    return any(not tracking.is_dead(run) for run in earlier)


def _place(run: Run) -> tuple[int, str]:
    return int(run.info.start_time), str(run.info.run_id)
