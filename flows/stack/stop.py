"""`coldpress down`: the worker first, since it hangs when its server went before it."""

from __future__ import annotations

from pathlib import Path

import psutil

from flows.stack import processes, servers
from flows.stack.lock import stack_lock
from tasks.environment import home, local_stack
from tasks.environment.local_stack import MLFLOW, PREFECT, WORKER, ServerRecord

_TIMEOUT_SECONDS = {WORKER: 20.0, PREFECT: 10.0, MLFLOW: 10.0}


def stop_stack() -> list[str]:
    """End all processes of the stack; what it keeps on disk stays.

    Returns:
        Titles of the servers that ran.

    Raises:
        InputError: The stack runs on another machine.
    """
    where = home.home_directory()
    if not local_stack.stack_folder(where).is_dir():
        return []
    with stack_lock(where):
        local_stack.check_host(where)
        return [servers.TITLES[s] for s in (WORKER, PREFECT, MLFLOW) if stop_server(where, s)]


def stop_server(where: Path, server: str) -> bool:
    """End one server; written down last, so that after a kill the next `down` finds what is left.

    Args:
        where: The home.
        server: `mlflow`, `prefect` or `worker`.

    Returns:
        Whether any process of it ran.
    """
    record = local_stack.read_server_record(where, server)
    ended = processes.terminate(_main_process(record), where, server, _TIMEOUT_SECONDS[server])
    local_stack.write_server_record(where, server, ServerRecord(record.port, None))
    return ended > 0


def _main_process(record: ServerRecord) -> psutil.Process | None:
    pid = local_stack.running_pid(record)
    return psutil.Process(pid) if pid is not None else None
