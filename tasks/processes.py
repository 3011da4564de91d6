"""Who is still alive: a process by host, pid and start time; a flow run by its state."""

from __future__ import annotations

import socket
from uuid import UUID

import psutil


def this_process() -> str:
    """Name this process so that no later one with the same pid is taken for it."""
    process = psutil.Process()
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.2f}"


def is_gone(name: str | None) -> bool:
    """Whether a named process has certainly ended.

    Args:
        name: From `this_process`, or None for an owner that nobody wrote down.

    Returns:
        False for a process of another host: from here it cannot be seen.
    """
    if name is None:
        return False
    host, pid, started = name.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        alive = psutil.Process(int(pid))
        zombie = alive.status() == psutil.STATUS_ZOMBIE
        return zombie or f"{alive.create_time():.2f}" != started
    except psutil.NoSuchProcess:
        return True


def flow_run_has_ended(flow_run_id: str | None) -> bool:
    """Whether Prefect, if it is reachable and knows the flow run, says that it is over.

    Args:
        flow_run_id: The flow run that owns an MLflow run.

    Returns:
        False where nobody can tell.
    """
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    if flow_run_id is None:
        return False
    try:
        with get_client(sync_client=True) as prefect:
            state = prefect.read_flow_run(UUID(flow_run_id)).state
    except (ObjectNotFound, httpx.HTTPError, RuntimeError):
        return False
    return state is not None and state.is_final()
