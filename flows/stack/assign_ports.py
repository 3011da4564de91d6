"""Which ports the servers get: the one asked for, the one they had last, else a free one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from coldpress.errors import InputError
from flows.stack import ports, servers
from tasks.environment import local_stack


def assign(home: Path, asked: Mapping[str, int | None]) -> dict[str, int]:
    """Choose the ports of both servers.

    Args:
        home: Whose stack it is.
        asked: The port that somebody asked for, of each server.

    Returns:
        Those of running servers as they are; for the others, ones that are free now.

    Raises:
        InputError: A port that was asked for cannot be had.
    """
    chosen: dict[str, int] = {}
    for server, wanted in sorted(asked.items(), key=lambda item: not _is_running(home, item[0])):
        chosen[server] = _assign_port(home, server, wanted, chosen)
    return chosen


def _is_running(home: Path, server: str) -> bool:
    return local_stack.is_running(local_stack.read_server_record(home, server))


def _assign_port(home: Path, server: str, wanted: int | None, chosen: Mapping[str, int]) -> int:
    option, last = f"--port-{server}", local_stack.read_server_record(home, server).port
    if last is not None and _is_running(home, server):
        if wanted not in (None, last):
            raise InputError(f"{option}: it runs on {last}; `coldpress down` first")
        return last
    if wanted is not None:
        return ports.require_free_port(option, wanted, chosen.values())
    preferred = last or servers.DEFAULT_PORTS[server]
    if preferred not in chosen.values() and ports.is_free(preferred):
        return preferred
    return ports.next_free(preferred, chosen.values())
