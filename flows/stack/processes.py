"""Processes of a server: its main process and all descendants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psutil

from tasks.environment import local_stack

_INACCESSIBLE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess, OSError)


def server_processes(home: Path, server: str) -> list[psutil.Process]:
    """Find the running processes of a server, including orphans of a killed one.

    They carry a marker in their environment, which children inherit even if their parent dies.
    Pids on disk would not do: the system reuses them.

    Args:
        home: The stack's home.
        server: `mlflow`, `prefect` or `worker`.
    """
    marker = local_stack.marker(home, server)
    return [process for process in psutil.process_iter() if _marker(process) == marker]


def _marker(process: psutil.Process) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        marker: str | None = process.environ().get(local_stack.MARKER)
    except _INACCESSIBLE:
        return None
    return marker


def owns_port(processes: Sequence[psutil.Process], port: int) -> bool:
    """Whether one of the processes listens on a port of this machine."""
    return any(port in _listening_ports(process) for process in processes)


def _listening_ports(process: psutil.Process) -> set[int]:
    try:
        connections = process.net_connections(kind="tcp")
    except _INACCESSIBLE:
        return set()
    return {c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN}


def terminate(main: psutil.Process | None, home: Path, server: str, patience: float) -> int:
    """Terminate a server through its main process, and kill what remains after a timeout.

    Args:
        main: The main process, which terminates the others; None if it is gone.
        home: The stack's home.
        server: `mlflow`, `prefect` or `worker`.
        patience: Seconds until the remaining processes are killed.

    Returns:
        The number of processes that were running.
    """
    running = server_processes(home, server)
    recipients = [main] if main in running else running
    for process in recipients:
        _send(process, "terminate")
    _, alive = psutil.wait_procs(running, timeout=patience)
    # Look again: a process may have started another one meanwhile.
    while alive or (alive := server_processes(home, server)):
        for process in alive:
            _send(process, "kill")
        alive = psutil.wait_procs(alive, timeout=patience)[1]
    return len(running)


def _send(process: psutil.Process | None, method: str) -> None:
    try:
        getattr(process, method)()
    except psutil.NoSuchProcess:
        return
