"""`coldpress status`: what of the stack runs, where, since when, and whether it answers."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from flows.stack import servers
from flows.stack.health import answers
from tasks.environment import home, local_stack


def look() -> tuple[Table, bool]:
    """Look at every server of the stack.

    Returns:
        A table, and whether all of it answers.
    """
    where = home.home()
    table = Table("what", "address", "pid", "since", "answers", box=None)
    rows = [_row(where, server) for server in servers.NAMES]
    for row in rows:
        table.add_row(*row)
    return table, all(row[-1] == "yes" for row in rows)


def _row(where: Path, server: str) -> tuple[str, str, str, str, str]:
    record = local_stack.read(where, server)
    address = f"{local_stack.origin(record.port)}{servers.PAGES[server]}" if record.port else "-"
    pid, since = local_stack.pid(record), local_stack.since(record)
    if pid is None or since is None:
        state = "no" if record.process is None else "gone"
        return servers.TITLES[server], address, "-", "-", state
    began = f"{since:%Y-%m-%d %H:%M:%S}"
    return servers.TITLES[server], address, str(pid), began, _answer(where, server)


def _answer(where: Path, server: str) -> str:
    return "yes" if answers(where, server) else "not yet"
