"""Find and end flow runs whose worker died before they started.

Each such run still holds a concurrency slot of its deployment. An automation detects when a Running
run stops sending heartbeats, but Pending and Cancelling runs send none.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.stack import health, servers
from tasks.environment import local_stack
from tasks.environment.local_stack import PREFECT, WORKER

_RETRY_PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0)
_FINAL_STATES = {"PENDING": "CRASHED", "CANCELLING": "CANCELLED"}
"""State types of abandoned runs and their final states; Cancelling may only become Cancelled."""
_MESSAGE = "Its worker died before it began. Retry starts it."


@dataclass(frozen=True)
class AbandonedRun:
    """A flow run whose worker is gone.

    Attributes:
        id: The flow run's id.
        name: The flow run's name.
        state: Name of its state, such as Pending.
        since: When it entered this state.
        final_state: Type of the state in which it should end.
    """

    id: str
    name: str
    state: str
    since: datetime
    final_state: str


def find_runs(home: Path) -> list[AbandonedRun]:
    """Find runs of the stack's work pool that an earlier worker took and left unfinished.

    None of them has a process any more: `up` stops a dead worker's processes before it starts
    another worker.

    Args:
        home: The stack's home.
    """
    started = local_stack.started_at(local_stack.read_server_record(home, WORKER))
    query = {
        "flow_runs": {"state": {"type": {"any_": list(_FINAL_STATES)}}},
        "work_pools": {"name": {"any_": [servers.POOL]}},
    }
    response = _call_prefect(home, "flow_runs/filter", query)
    runs = [_parse_run(run) for run in json.loads(response or "[]")]
    return [run for run in runs if started is None or run.since < started]


def _parse_run(run: dict[str, Any]) -> AbandonedRun:
    state = run["state"]
    since = health.parse_time(state["timestamp"])
    final_state = _FINAL_STATES[run["state_type"]]
    return AbandonedRun(run["id"], run["name"], state["name"], since, final_state)


def end_runs(home: Path) -> list[AbandonedRun]:
    """Mark abandoned runs Crashed, or Cancelled if that was requested; this frees their slots.

    Args:
        home: The stack's home; its worker has been restarted since.

    Returns:
        The runs that were ended.
    """
    return [run for run in find_runs(home) if _end_run(home, run)]


def _end_run(home: Path, run: AbandonedRun) -> bool:
    state = {
        "type": run.final_state,
        "name": run.final_state.capitalize(),
        "message": _MESSAGE,
    }
    response = _call_prefect(home, f"flow_runs/{run.id}/set_state", {"state": state})
    return response is not None and json.loads(response)["status"] == "ACCEPT"


def _call_prefect(home: Path, path: str, body: object) -> bytes | None:
    """Call the API, with retries: Prefect's SQLite database is locked for short times."""
    record = local_stack.read_server_record(home, PREFECT)
    if record.port is None or not local_stack.is_running(record):
        return None
    for pause in _RETRY_PAUSES:
        time.sleep(pause)
        response = health.request(record.port, "POST", f"/api/{path}", body)
        if response is not None:
            return response
    return None
