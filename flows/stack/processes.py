"""Which processes a server consists of: its own, and all that it started."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psutil

from tasks.environment import local_stack

_GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess, OSError)


def of(home: Path, server: str) -> list[psutil.Process]:
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
    except _GONE:
        return None
    return found


def listen(processes: Sequence[psutil.Process], port: int) -> bool:
    """Whether one of some processes is who listens on a port of this machine."""
    return any(port in _listening(process) for process in processes)


def _listening(process: psutil.Process) -> set[int]:
    try:
        connections = process.net_connections(kind="tcp")
    except _GONE:
        return set()
    return {c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN}


def end(main: psutil.Process | None, home: Path, server: str, patience: float) -> int:
    """End a server: its main process is asked, and whatever is left after a while is killed.

    Args:
        main: Who is asked to end the others first; None where it is gone.
        home: Whose stack it is.
        server: `mlflow`, `prefect` or `worker`.
        patience: Seconds before it is killed.

    Returns:
        How many processes there were.
    """
    there = of(home, server)
    asked = [main] if main in there else there
    for process in asked:
        _tell(process, "terminate")
    _, left = psutil.wait_procs(there, timeout=patience)
    # Again, since a process may have started another one meanwhile.
    while left or (left := of(home, server)):
        for process in left:
            _tell(process, "kill")
        left = psutil.wait_procs(left, timeout=patience)[1]
    return len(there)


def _tell(process: psutil.Process | None, what: str) -> None:
    try:
        getattr(process, what)()
    except psutil.NoSuchProcess:
        return
