"""`coldpress up`: start the servers that are down, and wait until all are healthy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from coldpress.errors import ServerStartError
from flows.stack import assign_ports, logs, provision, servers, start_server
from flows.stack.lock import stack_lock
from flows.stack.stop import stop_server
from tasks.environment import home, local_stack
from tasks.environment.local_stack import MLFLOW, PREFECT, WORKER


def start_stack(requested: Mapping[str, int | None]) -> list[str]:
    """Start the servers that are down; running servers are left alone.

    Args:
        requested: The port requested for each server, or None.

    Returns:
        Titles of the servers that were started.

    Raises:
        InputError: A port is taken, or the stack runs on another machine.
        ServerStartError: A server failed to start.
    """
    home.check_writable()
    home_path = home.ensure_home()
    with stack_lock(home_path):
        local_stack.check_host(home_path)
        start_server.kill_leftovers(home_path)
        before = {
            server: local_stack.read_server_record(home_path, server).port
            for server in (MLFLOW, PREFECT)
        }
        assigned = assign_ports.assign(home_path, requested)
        started = [
            server
            for server in (MLFLOW, PREFECT)
            if start_server.start_if_down(home_path, server, assigned)
        ]
        prefect_fixed = requested[PREFECT] is not None
        start_server.wait_until_healthy(home_path, PREFECT, assigned, prefect_fixed)
        _provision_if_changed(home_path, assigned)
        mlflow_fixed = requested[MLFLOW] is not None
        start_server.wait_until_healthy(home_path, MLFLOW, assigned, mlflow_fixed)
        if assigned != before:
            stop_server(home_path, WORKER)  # it still uses the addresses of its start
        if start_server.start_if_down(home_path, WORKER, assigned):
            started.append(WORKER)
        start_server.wait_until_healthy(home_path, WORKER, assigned)
    return [servers.TITLES[server] for server in started]


def _provision_if_changed(home_path: Path, assigned: Mapping[str, int]) -> None:
    """Provision Prefect only after an upgrade: provisioning pauses activated schedules.

    The digest is stored beside Prefect's database, so that both are deleted together.
    """
    digest_file = local_stack.stack_folder(home_path) / "prefect" / "furnished"
    digest = provision.digest()
    if digest_file.exists() and digest_file.read_text(encoding="utf-8") == digest:
        return
    with logs.rotate(home_path, logs.SETUP).open("wb") as output:
        result = subprocess.run(
            [sys.executable, "-P", "-m", "flows.stack.provision"],
            cwd=local_stack.stack_folder(home_path),
            env=servers.environment(home_path, WORKER, assigned),
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if result.returncode:
        raise ServerStartError("setting up Prefect failed (`coldpress logs setup` shows why)")
    digest_file.write_text(digest, encoding="utf-8")
