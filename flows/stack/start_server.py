"""Start a server of the stack and wait until it is healthy."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import MutableMapping
from pathlib import Path

from coldpress.errors import ServerStartError
from flows.stack import logs, ports, processes, servers
from flows.stack.health import is_healthy
from tasks.environment import local_stack

_TIMEOUT_SECONDS = 180.0
_POLL_SECONDS = 0.2


def kill_leftovers(home: Path) -> None:
    """Terminate leftover processes of dead servers, which may still hold their ports."""
    for server in servers.NAMES:
        if not local_stack.is_running(local_stack.read_server_record(home, server)):
            processes.terminate(None, home, server, patience=5)


def start_if_down(home: Path, server: str, assigned: MutableMapping[str, int]) -> bool:
    """Start a server unless it is running.

    Args:
        home: The stack's home.
        server: `mlflow`, `prefect` or `worker`.
        assigned: The servers' ports.

    Returns:
        Whether the server was started.
    """
    if local_stack.is_running(local_stack.read_server_record(home, server)):
        return False
    _launch(home, server, assigned)
    return True


def _launch(home: Path, server: str, assigned: MutableMapping[str, int]) -> None:
    """Start a server in its own session, so that it outlives this command and its terminal."""
    port = assigned.get(server)
    command = servers.command(home, server, port)
    launcher = [sys.executable, "-P", "-m", "flows.stack.launch", str(home), server]
    with logs.rotate(home, server).open("wb") as output:
        subprocess.Popen(  # noqa: S603
            [*launcher, str(port or "-"), *command],
            cwd=local_stack.stack_folder(home),
            env=servers.environment(home, server, assigned),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_until_healthy(
    home: Path, server: str, assigned: MutableMapping[str, int], fixed: bool = False
) -> None:
    """Wait until a server is healthy; start it again on another port if its port was taken.

    Args:
        home: The stack's home.
        server: `mlflow`, `prefect` or `worker`.
        assigned: The servers' ports; updated if another process took the port during the start.
        fixed: Whether the server must keep its port.

    Raises:
        ServerStartError: The server ended or timed out.
    """
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not is_healthy(home, server):
        if not processes.server_processes(home, server):
            if fixed or not _port_was_taken(server, assigned):
                raise ServerStartError(_failure_message(home, server, "ended before it answered"))
            assigned[server] = ports.next_free(assigned[server], assigned.values())
            _launch(home, server, assigned)
        if time.monotonic() > deadline:
            event = f"did not answer within {_TIMEOUT_SECONDS:.0f} s"
            raise ServerStartError(_failure_message(home, server, event))
        time.sleep(_POLL_SECONDS)


def _port_was_taken(server: str, assigned: MutableMapping[str, int]) -> bool:
    return server in assigned and not ports.is_free(assigned[server])


def _failure_message(home: Path, server: str, event: str) -> str:
    last = next((line for line in reversed(logs.tail(home, server)) if line.strip()), "nothing")
    return f"{servers.TITLES[server]} {event}: {last} (`coldpress logs {server}` shows more)"
