"""Assign ports to the servers: the requested port, else the last one, else a free one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from coldpress.errors import InputError
from flows.stack import ports, servers
from tasks.environment import local_stack


def assign(home: Path, requested: Mapping[str, int | None]) -> dict[str, int]:
    """Assign a port to each server; a running server keeps its port.

    Args:
        home: The stack's home.
        requested: The port requested for each server, or None.

    Raises:
        InputError: A requested port is not available.
    """
    assigned: dict[str, int] = {}
    running_first = sorted(requested.items(), key=lambda item: not _is_running(home, item[0]))
    for server, port in running_first:
        assigned[server] = _assign_port(home, server, port, assigned)
    return assigned


def _is_running(home: Path, server: str) -> bool:
    return local_stack.is_running(local_stack.read_server_record(home, server))


def _assign_port(
    home: Path, server: str, requested: int | None, assigned: Mapping[str, int]
) -> int:
    option = f"--port-{server}"
    last = local_stack.read_server_record(home, server).port
    if last is not None and _is_running(home, server):
        if requested not in (None, last):
            raise InputError(f"{option}: it already runs on {last}; run `coldpress down` first")
        return last
    if requested is not None:
        return ports.require_free_port(option, requested, assigned.values())
    preferred = last or servers.DEFAULT_PORTS[server]
    if preferred not in assigned.values() and ports.is_free(preferred):
        return preferred
    return ports.next_free(preferred, assigned.values())
