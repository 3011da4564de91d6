"""Free ports on loopback, and the owner of a port in use."""

from __future__ import annotations

import socket
from collections.abc import Collection

import psutil

from coldpress.errors import InputError


def is_free(port: int) -> bool:
    """Whether this user could open a server on a port of 127.0.0.1.

    Args:
        port: From 1 to 65535.
    """
    # Some systems allow binding next to a listener on all addresses, so try to connect first.
    with socket.socket() as client:
        client.settimeout(1)
        if client.connect_ex(("127.0.0.1", port)) == 0:
            return False
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def port_owner(port: int) -> str:
    """Name the process that listens on a port, as far as this user may see it."""
    for process in psutil.process_iter(["name"]):
        try:
            connections = process.net_connections("tcp")
        except (psutil.Error, OSError):
            continue
        if port in {c.laddr.port for c in connections if c.status == "LISTEN"}:
            return f"{process.info['name']} (pid {process.pid})"
    return "another user's process"


def next_free(after: int, avoid: Collection[int]) -> int:
    """Return the first free port above another.

    Args:
        after: The port below the first candidate.
        avoid: Ports reserved for other servers.

    Raises:
        InputError: None of the next hundred ports is free.
    """
    for port in range(after + 1, min(after + 101, 65536)):
        if port not in avoid and is_free(port):
            return port
    raise InputError(f"port: {after} and the next hundred ports are taken")


def require_free_port(option: str, port: int, avoid: Collection[int]) -> int:
    """Return a requested port if it is free.

    Args:
        option: The option that requests it, for the error message.
        port: The requested port.
        avoid: Ports reserved for other servers.

    Raises:
        InputError: It is not a port or it is taken; the message names the owner and a free port.
    """
    if not 1 <= port <= 65535:
        raise InputError(f"{option}: {port} is not a port from 1 to 65535")
    if port not in avoid and is_free(port):
        return port
    owner = "the other server" if port in avoid else port_owner(port)
    raise InputError(f"{option}: {port} is taken by {owner}; {next_free(port, avoid)} is free")
