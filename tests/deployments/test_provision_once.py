"""The service `deploy` of compose, started repeatedly against a real server."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from tests.support.prefect_server import PrefectServer

MODULE = "flows.stack.provision_once"


def furnish(server: PrefectServer) -> str:
    """Start it as compose does, and return its last line."""
    result = subprocess.run(
        [sys.executable, "-P", "-m", MODULE],
        cwd=server.folder,
        env=server.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()[-1]


def collection(server: PrefectServer) -> dict[str, Any]:
    """The deployment of the weekly collection."""
    deployments: list[dict[str, Any]] = server.answer("POST", "deployments/filter", {})
    return next(entry for entry in deployments if entry["name"] == "gc")


def test_only_missing_objects_are_created_and_schedules_stay_on(
    server: PrefectServer,
) -> None:
    """Made anew, a deployment would have its schedule paused, as the file says."""
    old = {"name": "coldpress_furnished", "value": "of another version"}
    server.ask("POST", "variables/", old).raise_for_status()
    assert furnish(server) == "provisioned"
    deployment = collection(server)
    path = f"deployments/{deployment['id']}/schedules/{deployment['schedules'][0]['id']}"
    server.ask("PATCH", path, {"active": True}).raise_for_status()
    try:
        assert furnish(server) == "nothing to do: the server is up to date"
        assert collection(server)["schedules"][0]["active"] is True
        assert len(server.answer("POST", "automations/filter", {})) == 3
    finally:
        server.ask("PATCH", path, {"active": False}).raise_for_status()
