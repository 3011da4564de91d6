"""Which processes a server consists of: its own, and all that it started."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psutil

from tasks.environment import local_stack

_INACCESSIBLE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess, OSError)


def server_processes(home: Path, server: str) -> list[psutil.Process]:
    """Find the processes of a server, orphans of a killed one included.

    They are told by a variable of their environment, which children inherit whatever happens to
    their parents; a pid on disk would be another process's after a while.

    Args:
        home: Whose stack it is.
        server: `mlflow`, `prefect` or `worker`.

    Returns:
        All that live.
    """
    wanted = local_stack.marker(home, server)
    return [process for process in psutil.process_iter() if _marker(process) == wanted]


def _marker(process: psutil.Process) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        found: str | None = process.environ().get(local_stack.MARKER)
    except _INACCESSIBLE:
        return None
    return found


def owns_port(processes: Sequence[psutil.Process], port: int) -> bool:
    """Whether one of some processes is who listens on a port of this machine."""
    return any(port in _listening_ports(process) for process in processes)


def _listening_ports(process: psutil.Process) -> set[int]:
    try:
        connections = process.net_connections(kind="tcp")
    except _INACCESSIBLE:
        return set()
    return {c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN}


def terminate(main: psutil.Process | None, home: Path, server: str, patience: float) -> int:
    """End a server: its main process is asked, and whatever is left after a while is killed.

    Args:
        main: Who is asked to end the others first; None where it is gone.
        home: Whose stack it is.
        server: `mlflow`, `prefect` or `worker`.
        patience: Seconds before it is killed.

    Returns:
        How many processes there were.
    """
    there = server_processes(home, server)
    asked = [main] if main in there else there
    for process in asked:
        _send(process, "terminate")
    _, left = psutil.wait_procs(there, timeout=patience)
    # Again, since a process may have started another one meanwhile.
    while left or (left := server_processes(home, server)):
        for process in left:
            _send(process, "kill")
        left = psutil.wait_procs(left, timeout=patience)[1]
    return len(there)


def _send(process: psutil.Process | None, what: str) -> None:
    try:
        getattr(process, what)()
    except psutil.NoSuchProcess:
        return
