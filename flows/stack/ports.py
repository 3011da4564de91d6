"""Whether a port on loopback is free, who has it, and which one is free instead."""

from __future__ import annotations

import socket
from collections.abc import Collection

import psutil

from coldpress.errors import InputError


def is_free(port: int) -> bool:
    """Whether a server could listen on a port of 127.0.0.1.

    Args:
        port: From 1 to 65535.

    Returns:
        False also where it may not be used by this user.
    """
    # Some systems let one bind beside a listener on all addresses, so it is knocked at too.
    with socket.socket() as knocking:
        knocking.settimeout(1)
        if knocking.connect_ex(("127.0.0.1", port)) == 0:
            return False
    with socket.socket() as binding:
        binding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            binding.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def port_owner(port: int) -> str:
    """Say who listens on a port, as far as this user may know."""
    for process in psutil.process_iter(["name"]):
        try:
            held = {c.laddr.port for c in process.net_connections("tcp") if c.status == "LISTEN"}
        except (psutil.Error, OSError):
            continue
        if port in held:
            return f"{process.info['name']} (pid {process.pid})"
    return "another user's process"


def next_free(after: int, avoid: Collection[int]) -> int:
    """Return the first free port above another.

    Args:
        after: Where to begin; below it again, should all above be taken.
        avoid: Ports that are spoken for.

    Returns:
        A port.

    Raises:
        InputError: None of the next hundred is.
    """
    for port in range(after + 1, min(after + 101, 65536)):
        if port not in avoid and is_free(port):
            return port
    raise InputError(f"port: {after} is taken, and so are the hundred after it")


def require_free_port(option: str, port: int, avoid: Collection[int]) -> int:
    """Check a port that somebody asked for.

    Args:
        option: Its name, for the message.
        port: What was given.
        avoid: Ports that are spoken for.

    Returns:
        The port.

    Raises:
        InputError: It is no port or taken; by whom, and which is free instead.
    """
    if not 1 <= port <= 65535:
        raise InputError(f"{option}: {port} is not a port, which is from 1 to 65535")
    if port not in avoid and is_free(port):
        return port
    whose = "the other server" if port in avoid else port_owner(port)
    raise InputError(f"{option}: {port} is taken by {whose}; {next_free(port, avoid)} is free")
