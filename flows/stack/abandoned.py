"""Runs that stay Pending since their worker died: each holds a slot of its deployment for ever.

A run that is Running beats, and an automation notices when it stops; one that is Pending does not.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flows.stack import answers, servers
from tasks import local_stack
from tasks.local_stack import PREFECT, WORKER

_PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0)
_MESSAGE = "Its worker died before it began. Retry starts it."


@dataclass(frozen=True)
class Abandoned:
    """A run that nobody will start.

    Attributes:
        id: The flow run's.
        name: What its page is headed with.
        since: When its worker took it.
    """

    id: str
    name: str
    since: datetime


def find(home: Path) -> list[Abandoned]:
    """Find the runs of the stack's pool that are Pending, and were taken by an earlier worker.

    Args:
        home: Whose stack it is.

    Returns:
        None of them has a process: `up` ends what a worker leaves behind before it starts another.
    """
    started = local_stack.since(local_stack.read(home, WORKER))
    pending = {"state": {"type": {"any_": ["PENDING"]}}}
    asked = {"flow_runs": pending, "work_pools": {"name": {"any_": [servers.POOL]}}}
    found = _ask(home, "flow_runs/filter", asked)
    runs = [
        Abandoned(run["id"], run["name"], answers.time_of(run["state"]["timestamp"]))
        for run in json.loads(found or "[]")
    ]
    return [run for run in runs if started is None or run.since < started]


def crash(home: Path) -> list[Abandoned]:
    """Mark them Crashed, which frees their slots.

    Args:
        home: Whose stack it is, with a worker that was started after they were taken.

    Returns:
        Those that were marked.
    """
    state = {"type": "CRASHED", "name": "Crashed", "message": _MESSAGE}
    return [
        run
        for run in find(home)
        if _ask(home, f"flow_runs/{run.id}/set_state", {"state": state}) is not None
    ]


def _ask(home: Path, path: str, body: object) -> bytes | None:
    """Some times over: its SQLite is locked for an instant now and then."""
    record, answer = local_stack.read(home, PREFECT), None
    if record.port is None or not local_stack.is_running(record):
        return None
    for pause in _PAUSES:
        time.sleep(pause)
        answer = answers.ask(record.port, "POST", f"/api/{path}", body)
        if answer is not None:
            break
    return answer
