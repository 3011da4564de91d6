"""`coldpress down`: stop the worker first, since it hangs when its server stops before it."""

from __future__ import annotations

from pathlib import Path

import psutil

from flows.stack import processes, servers
from flows.stack.lock import stack_lock
from tasks.environment import home, local_stack
from tasks.environment.local_stack import MLFLOW, PREFECT, WORKER, ServerRecord

_TIMEOUT_SECONDS = {WORKER: 20.0, PREFECT: 10.0, MLFLOW: 10.0}


def stop_stack() -> list[str]:
    """Stop all processes of the stack; its data stays on disk.

    Returns:
        Titles of the servers that were running.

    Raises:
        InputError: The stack runs on another machine.
    """
    home_path = home.home_directory()
    if not local_stack.stack_folder(home_path).is_dir():
        return []
    with stack_lock(home_path):
        local_stack.check_host(home_path)
        return [servers.TITLES[s] for s in (WORKER, PREFECT, MLFLOW) if stop_server(home_path, s)]


def stop_server(home_path: Path, server: str) -> bool:
    """Stop one server. Its record is cleared last: if this is killed, `down` can be repeated.

    Args:
        home_path: The stack's home.
        server: `mlflow`, `prefect` or `worker`.

    Returns:
        Whether any of its processes was running.
    """
    record = local_stack.read_server_record(home_path, server)
    patience = _TIMEOUT_SECONDS[server]
    stopped = processes.terminate(_main_process(record), home_path, server, patience)
    local_stack.write_server_record(home_path, server, ServerRecord(record.port, None))
    return stopped > 0


def _main_process(record: ServerRecord) -> psutil.Process | None:
    pid = local_stack.running_pid(record)
    return psutil.Process(pid) if pid is not None else None
