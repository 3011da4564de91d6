"""Whether a server answers: asked on loopback, past any proxy, without its library."""

from __future__ import annotations

import http.client
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.stack import processes, servers
from tasks.environment import local_stack
from tasks.environment.local_stack import PREFECT, WORKER

_TIMEOUT_SECONDS = 5


def is_healthy(home: Path, server: str) -> bool:
    """Whether a server of the stack does what it is for.

    Args:
        home: Whose stack it is.
        server: `mlflow`, `prefect` or `worker`.

    Returns:
        True where it is this stack's own process that says so.
    """
    if server == WORKER:
        return _worker_is_online(home)
    port = local_stack.read_server_record(home, server).port
    if port is None or request(port, "GET", servers.HEALTH_PATHS[server]) is None:
        return False
    return processes.owns_port(processes.server_processes(home, server), port)


def _worker_is_online(home: Path) -> bool:
    """Its last sign of life must be its own: Prefect knows it by name, and so its predecessors."""
    port = local_stack.read_server_record(home, PREFECT).port
    since = local_stack.started_at(local_stack.read_server_record(home, WORKER))
    if port is None or since is None:
        return False
    found = request(port, "POST", f"/api/work_pools/{servers.POOL}/workers/filter", {})
    known = {worker["name"]: worker for worker in json.loads(found or "[]")}
    worker = known.get(servers.WORKER_NAME, {"status": "OFFLINE"})
    return worker["status"] == "ONLINE" and parse_time(worker["last_heartbeat_time"]) > since


def parse_time(written: str) -> datetime:
    """Return a time that Prefect wrote."""
    return datetime.fromisoformat(written).astimezone()


def request(port: int, method: str, path: str, body: object = None) -> bytes | None:
    """Ask a server of this machine.

    Args:
        port: On loopback.
        method: Of HTTP.
        path: From the root.
        body: Sent as JSON; None for no body.

    Returns:
        The body of a good answer, or None.
    """
    content: dict[str, Any] = {}
    if body is not None:
        content = {"body": json.dumps(body), "headers": {"Content-Type": "application/json"}}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request(method, path, **content)
        answer = connection.getresponse()
        said = answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return said if answer.status in (http.client.OK, http.client.CREATED) else None
