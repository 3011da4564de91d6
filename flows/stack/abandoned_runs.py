"""Runs that nobody will begin or end since their worker died: each holds a slot of its deployment.

A run that is Running beats, and an automation notices when it stops. One that is Pending does not
beat, nor one that was cancelled before it began.
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
"""What each becomes: Prefect takes nothing else for one that is being cancelled."""
_MESSAGE = "Its worker died before it began. Retry starts it."


@dataclass(frozen=True)
class AbandonedRun:
    """A run without a worker.

    Attributes:
        id: The flow run's.
        name: What its page is headed with.
        state: The name of its state.
        since: When it came to that.
        end: The type of the state that it is to end in.
    """

    id: str
    name: str
    state: str
    since: datetime
    end: str


def find_runs(home: Path) -> list[AbandonedRun]:
    """Find the runs of the stack's pool that an earlier worker took and did not begin or end.

    Args:
        home: Whose stack it is.

    Returns:
        None of them has a process: `up` ends what a worker leaves behind before it starts another.
    """
    started = local_stack.started_at(local_stack.read_server_record(home, WORKER))
    waiting = {"state": {"type": {"any_": list(_FINAL_STATES)}}}
    asked = {"flow_runs": waiting, "work_pools": {"name": {"any_": [servers.POOL]}}}
    found = _call_prefect(home, "flow_runs/filter", asked)
    runs = [_parse_run(run) for run in json.loads(found or "[]")]
    return [run for run in runs if started is None or run.since < started]


def _parse_run(run: dict[str, Any]) -> AbandonedRun:
    state, end = run["state"], _FINAL_STATES[run["state_type"]]
    since = health.parse_time(state["timestamp"])
    return AbandonedRun(run["id"], run["name"], state["name"], since, end)


def end_runs(home: Path) -> list[AbandonedRun]:
    """End them, which frees their slots: Crashed, or Cancelled where somebody asked for that.

    Args:
        home: Whose stack it is, with a worker that was started after they were taken.

    Returns:
        Those that were ended.
    """
    return [run for run in find_runs(home) if _end_run(home, run)]


def _end_run(home: Path, run: AbandonedRun) -> bool:
    state = {"type": run.end, "name": run.end.capitalize(), "message": _MESSAGE}
    answer = _call_prefect(home, f"flow_runs/{run.id}/set_state", {"state": state})
    return answer is not None and json.loads(answer)["status"] == "ACCEPT"


def _call_prefect(home: Path, path: str, body: object) -> bytes | None:
    """Some times over: its SQLite is locked for an instant now and then."""
    record, answer = local_stack.read_server_record(home, PREFECT), None
    if record.port is None or not local_stack.is_running(record):
        return None
    for pause in _RETRY_PAUSES:
        time.sleep(pause)
        answer = health.request(record.port, "POST", f"/api/{path}", body)
        if answer is not None:
            break
    return answer
