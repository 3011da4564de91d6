"""SIGKILL the servers and the worker of `coldpress up` while a run uses them."""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from faults import base
from faults.sandbox import Sandbox, differences, digests, new
from faults.trial import Outcome, Part
from tasks.environment import local_stack

MEMBERS = (local_stack.MLFLOW, local_stack.PREFECT, local_stack.WORKER)


def members(part: Part, kills: int) -> None:
    """Kill a member of the stack at a random moment of a run, and start what is missing.

    Args:
        part: Where to record.
        kills: How many in all.
    """
    if len(part.outcomes()) >= kills:
        return
    expected = base.expected(part.folder)
    with _up(part) as sandbox:

        def trial(number: int, chance: random.Random) -> Outcome:
            return _trial(sandbox, number, chance, expected)

        part.run(kills, trial)


def _trial(
    sandbox: Sandbox, number: int, chance: random.Random, expected: dict[str, str]
) -> Outcome:
    name = MEMBERS[number % len(MEMBERS)]
    outcome = sandbox.folder / "outcome.json"
    outcome.unlink(missing_ok=True)
    run = sandbox.start("run", "./tiny.yaml", "--json", str(outcome))
    time.sleep(chance.uniform(0, float(expected["seconds"])))
    pid = local_stack.running_pid(local_stack.read_server_record(sandbox.state, name))
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    start = time.monotonic()
    restart = sandbox("up")
    seconds = time.monotonic() - start
    wrong = [*restart.faults(f"up after {name} was killed"), *sandbox("status").faults("status")]
    result = sandbox.wait(run, timeout=600)
    wrong += [
        *result.faults(f"run while {name} was killed"),
        *differences(expected, digests(outcome)),
    ]
    return Outcome(f"{name} of the stack killed", wrong=tuple(wrong), seconds=seconds)


@contextmanager
def _up(part: Part) -> Iterator[Sandbox]:
    sandbox = new(part.folder / "sandbox")
    mlflow, prefect = _free_ports()
    result = sandbox("up", f"--port-mlflow={mlflow}", f"--port-prefect={prefect}")
    if result.code:
        raise RuntimeError(f"up fails by itself: {result.error[-2000:]}")
    try:
        yield sandbox
    finally:
        sandbox("down")


def _free_ports() -> list[int]:
    """Return two unused ports."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [int(listener.getsockname()[1]) for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports
