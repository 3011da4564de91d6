"""Start a server of the stack unless it runs, and wait until it answers."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import MutableMapping
from pathlib import Path

from flows.stack import logs, ports, processes, servers
from flows.stack.health import is_healthy
from tasks.environment import local_stack

_TIMEOUT_SECONDS = 180.0
_POLL_SECONDS = 0.2


class NotStartedError(Exception):
    """A server of the stack did not come to answer. The message says where to look."""


def kill_leftovers(home: Path) -> None:
    """End what servers that are gone left behind: it may still hold their ports."""
    for server in servers.NAMES:
        if not local_stack.is_running(local_stack.read_server_record(home, server)):
            processes.terminate(None, home, server, patience=5)


def start_if_down(home: Path, server: str, chosen: MutableMapping[str, int]) -> bool:
    """Start a server unless it runs.

    Args:
        home: Whose stack it is.
        server: `mlflow`, `prefect` or `worker`.
        chosen: The ports.

    Returns:
        Whether it was started.
    """
    if local_stack.is_running(local_stack.read_server_record(home, server)):
        return False
    _launch(home, server, chosen)
    return True


def _launch(home: Path, server: str, chosen: MutableMapping[str, int]) -> None:
    """In a session of its own: it outlives this command and its terminal."""
    port = chosen.get(server)
    becomes = servers.command(home, server, port)
    launcher = [sys.executable, "-P", "-m", "flows.stack.launch", str(home), server]
    with logs.rotate(home, server).open("wb") as output:
        subprocess.Popen(  # noqa: S603
            [*launcher, str(port or "-"), *becomes],
            cwd=local_stack.stack_folder(home),
            env=servers.environment(home, server, chosen),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_until_healthy(
    home: Path, server: str, chosen: MutableMapping[str, int], fixed: bool = False
) -> None:
    """Return when a server answers.

    Args:
        home: Whose stack it is.
        server: `mlflow`, `prefect` or `worker`.
        chosen: The ports; changed where somebody else took this server's while it started.
        fixed: Whether its port must not be changed.

    Raises:
        NotStartedError: It ended, or does not answer in time.
    """
    until = time.monotonic() + _TIMEOUT_SECONDS
    while not is_healthy(home, server):
        if not processes.server_processes(home, server):
            if fixed or not _port_was_taken(server, chosen):
                raise NotStartedError(_failure_message(home, server, "ended before it answered"))
            chosen[server] = ports.next_free(chosen[server], chosen.values())
            _launch(home, server, chosen)
        if time.monotonic() > until:
            raise NotStartedError(
                _failure_message(home, server, f"gave no answer in {_TIMEOUT_SECONDS:.0f} s")
            )
        time.sleep(_POLL_SECONDS)


def _port_was_taken(server: str, chosen: MutableMapping[str, int]) -> bool:
    return server in chosen and not ports.is_free(chosen[server])


def _failure_message(home: Path, server: str, what: str) -> str:
    said = next((line for line in reversed(logs.tail(home, server)) if line.strip()), "nothing")
    return f"{servers.TITLES[server]} {what}: {said} (`coldpress logs {server}` shows more)"
