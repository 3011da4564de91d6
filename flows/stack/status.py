"""`coldpress status`: what of the stack runs, where, since when, and whether it answers."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from flows.stack import servers
from flows.stack.health import is_healthy
from tasks.environment import home, local_stack


def status_table() -> tuple[Table, bool]:
    """Look at every server of the stack.

    Returns:
        A table, and whether all of it answers.
    """
    where = home.home_directory()
    table = Table("what", "address", "pid", "since", "answers", box=None)
    rows = [_row(where, server) for server in servers.NAMES]
    for row in rows:
        table.add_row(*row)
    return table, all(row[-1] == "yes" for row in rows)


def _row(where: Path, server: str) -> tuple[str, str, str, str, str]:
    record = local_stack.read_server_record(where, server)
    address = (
        f"{local_stack.loopback_url(record.port)}{servers.UI_PATHS[server]}" if record.port else "-"
    )
    pid, since = local_stack.running_pid(record), local_stack.started_at(record)
    if pid is None or since is None:
        state = "no" if record.process is None else "gone"
        return servers.TITLES[server], address, "-", "-", state
    began = f"{since:%Y-%m-%d %H:%M:%S}"
    return servers.TITLES[server], address, str(pid), began, _health(where, server)


def _health(where: Path, server: str) -> str:
    return "yes" if is_healthy(where, server) else "not yet"
