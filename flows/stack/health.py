"""Health checks of the stack's servers, over loopback and without client libraries."""

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
    """Whether a server of the stack works, and the port belongs to the stack's own process.

    Args:
        home: The stack's home.
        server: `mlflow`, `prefect` or `worker`.
    """
    if server == WORKER:
        return _worker_is_online(home)
    port = local_stack.read_server_record(home, server).port
    if port is None or request(port, "GET", servers.HEALTH_PATHS[server]) is None:
        return False
    return processes.owns_port(processes.server_processes(home, server), port)


def _worker_is_online(home: Path) -> bool:
    """Whether the worker has sent a heartbeat since its start; earlier workers had its name."""
    port = local_stack.read_server_record(home, PREFECT).port
    since = local_stack.started_at(local_stack.read_server_record(home, WORKER))
    if port is None or since is None:
        return False
    response = request(port, "POST", f"/api/work_pools/{servers.POOL}/workers/filter", {})
    workers = {worker["name"]: worker for worker in json.loads(response or "[]")}
    worker = workers.get(servers.WORKER_NAME, {"status": "OFFLINE"})
    return worker["status"] == "ONLINE" and parse_time(worker["last_heartbeat_time"]) > since


def parse_time(timestamp: str) -> datetime:
    """Parse a timestamp of Prefect's API."""
    return datetime.fromisoformat(timestamp).astimezone()


def request(port: int, method: str, path: str, body: object = None) -> bytes | None:
    """Send an HTTP request to a server on loopback.

    Args:
        port: The server's port.
        method: The HTTP method.
        path: The absolute path.
        body: Sent as JSON; None for no body.

    Returns:
        The body of a response with status 200 or 201, else None.
    """
    content: dict[str, Any] = {}
    if body is not None:
        content = {"body": json.dumps(body), "headers": {"Content-Type": "application/json"}}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request(method, path, **content)
        response = connection.getresponse()
        response_body = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return response_body if response.status in (http.client.OK, http.client.CREATED) else None
