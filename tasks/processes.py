"""Who is still alive: a process by host, pid and start time; a flow run by its state."""

from __future__ import annotations

import socket
from uuid import UUID

import psutil


def this_process() -> str:
    """Name this process so that no later one with the same pid is taken for it."""
    return name_of(psutil.Process())


def name_of(process: psutil.Process) -> str:
    """Name a process by host, pid and start, in seconds after the machine's own."""
    return f"{socket.gethostname()}:{process.pid}:{_start(process):.2f}"


def _start(process: psutil.Process) -> float:
    """The time of day would not do: when the clock is set, every process has another one."""
    return process.create_time() - psutil.boot_time()


def is_gone(name: str | None) -> bool:
    """Whether a named process has certainly ended.

    Args:
        name: From `this_process`, or None for an owner that nobody wrote down.

    Returns:
        False for a process of another host: from here it cannot be seen.
    """
    if name is None or name.rsplit(":", 2)[0] != socket.gethostname():
        return False
    return _living(name) is None


def is_here(name: str | None) -> bool:
    """Whether a named process certainly lives, on this host."""
    return name is not None and name.count(":") >= 2 and _living(name) is not None


def end(name: str | None) -> bool:
    """Terminate a named process of this host, if it is still that process.

    Args:
        name: From `name_of`.

    Returns:
        Whether there was one to end.
    """
    process = _living(name) if name else None
    if process is None:
        return False
    process.terminate()
    try:
        process.wait(timeout=10)
    except psutil.TimeoutExpired:
        process.kill()
    return True


def _living(name: str) -> psutil.Process | None:
    host, pid, started = name.rsplit(":", 2)
    try:
        process = psutil.Process(int(pid))
        zombie = process.status() == psutil.STATUS_ZOMBIE
        same = f"{_start(process):.2f}" == started and host == socket.gethostname()
    except psutil.NoSuchProcess:
        return None
    return process if same and not zombie else None


def flow_run_end(flow_run_id: str | None) -> str | None:
    """Say how a flow run ended, if Prefect is reachable, knows it and says that it is over.

    Args:
        flow_run_id: The flow run that owns an MLflow run.

    Returns:
        The type of its state, such as `CRASHED`; None where nobody can tell.
    """
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    if flow_run_id is None:
        return None
    try:
        with get_client(sync_client=True) as prefect:
            state = prefect.read_flow_run(UUID(flow_run_id)).state
    except (ObjectNotFound, httpx.HTTPError, RuntimeError):
        return None
    return state.type.value if state is not None and state.is_final() else None
