"""`coldpress up`: start what is missing of the stack, and wait until all of it answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from flows.stack import assign_ports, logs, provision, servers, start_server
from flows.stack import stop as ending
from flows.stack.lock import stack_lock
from flows.stack.start_server import NotStartedError
from tasks.environment import home, local_stack
from tasks.environment.local_stack import MLFLOW, PREFECT, WORKER


def start_stack(asked: Mapping[str, int | None]) -> list[str]:
    """Start what is missing; what runs is left alone.

    Args:
        asked: The port that somebody asked for, of each server.

    Returns:
        Titles of the servers that were started.

    Raises:
        InputError: A port is taken, or the stack runs on another machine.
        NotStartedError: A server did not come to answer.
    """
    home.check_writable()
    where = home.ensure_home()
    with stack_lock(where):
        local_stack.check_host(where)
        start_server.kill_leftovers(where)
        before = {
            server: local_stack.read_server_record(where, server).port
            for server in (MLFLOW, PREFECT)
        }
        chosen = assign_ports.assign(where, asked)
        started = [s for s in (MLFLOW, PREFECT) if start_server.start_if_down(where, s, chosen)]
        start_server.wait_until_healthy(where, PREFECT, chosen, fixed=asked[PREFECT] is not None)
        _provision_if_changed(where, chosen)
        start_server.wait_until_healthy(where, MLFLOW, chosen, fixed=asked[MLFLOW] is not None)
        if chosen != before:
            ending.stop_server(
                where, WORKER
            )  # it goes on with the addresses that it was started with
        started += [s for s in (WORKER,) if start_server.start_if_down(where, s, chosen)]
        start_server.wait_until_healthy(where, WORKER, chosen)
    return [servers.TITLES[server] for server in started]


def _provision_if_changed(where: Path, chosen: Mapping[str, int]) -> None:
    """Only what an upgrade changed is made again: schedules that were switched on stay on.

    Kept beside Prefect's database, with which it goes.
    """
    made = local_stack.stack_folder(where) / "prefect" / "furnished"
    digest = provision.digest()
    if made.exists() and made.read_text(encoding="utf-8") == digest:
        return
    with logs.rotate(where, logs.SETUP).open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "flows.stack.provision"],
            cwd=local_stack.stack_folder(where),
            env=servers.environment(where, WORKER, chosen),
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise NotStartedError("Prefect took no deployments (`coldpress logs setup` says why)")
    made.write_text(digest, encoding="utf-8")
