"""`coldpress down`: the worker first, since it hangs when its server went before it."""

from __future__ import annotations

from pathlib import Path

import psutil

from flows.stack import processes, servers
from flows.stack.lock import alone
from tasks.environment import home, local_stack
from tasks.environment.local_stack import MLFLOW, PREFECT, WORKER, Record

_PATIENCE = {WORKER: 20.0, PREFECT: 10.0, MLFLOW: 10.0}


def take_down() -> list[str]:
    """End all processes of the stack; what it keeps on disk stays.

    Returns:
        Titles of the servers that ran.

    Raises:
        InputError: The stack runs on another machine.
    """
    where = home.home()
    if not local_stack.folder(where).is_dir():
        return []
    with alone(where):
        local_stack.check_host(where)
        return [servers.TITLES[s] for s in (WORKER, PREFECT, MLFLOW) if end(where, s)]


def end(where: Path, server: str) -> bool:
    """End one server; written down last, so that after a kill the next `down` finds what is left.

    Args:
        where: The home.
        server: `mlflow`, `prefect` or `worker`.

    Returns:
        Whether any process of it ran.
    """
    record = local_stack.read(where, server)
    ended = processes.end(_main(record), where, server, _PATIENCE[server])
    local_stack.write(where, server, Record(record.port, None))
    return ended > 0


def _main(record: Record) -> psutil.Process | None:
    pid = local_stack.pid(record)
    return psutil.Process(pid) if pid is not None else None
