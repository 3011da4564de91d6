"""`coldpress status`: what of the stack runs, home_path, since when, and whether it answers."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from flows.stack import servers
from flows.stack.health import is_healthy
from tasks.environment import home, local_stack


def status_table() -> tuple[Table, bool]:
    """Check every server of the stack.

    Returns:
        A table, and whether all servers answer.
    """
    home_path = home.home_directory()
    table = Table("server", "address", "pid", "since", "answers", box=None)
    rows = [_row(home_path, server) for server in servers.NAMES]
    for row in rows:
        table.add_row(*row)
    return table, all(row[-1] == "yes" for row in rows)


def _row(home_path: Path, server: str) -> tuple[str, str, str, str, str]:
    record = local_stack.read_server_record(home_path, server)
    address = (
        f"{local_stack.loopback_url(record.port)}{servers.UI_PATHS[server]}" if record.port else "-"
    )
    pid = local_stack.running_pid(record)
    since = local_stack.started_at(record)
    if pid is None or since is None:
        state = "no" if record.process is None else "gone"
        return servers.TITLES[server], address, "-", "-", state
    start = f"{since:%Y-%m-%d %H:%M:%S}"
    return servers.TITLES[server], address, str(pid), start, _health(home_path, server)


def _health(home_path: Path, server: str) -> str:
    return "yes" if is_healthy(home_path, server) else "not yet"
