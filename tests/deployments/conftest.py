"""The files of deployments/, and one Prefect server for a session that has them all."""

from __future__ import annotations

from collections.abc import Iterator

import prefect_server
import pytest
from prefect_server import DEPLOYMENTS, PrefectServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A server where the pool, the deployments and the automations were made as documented."""
    with prefect_server.running(tmp_path_factory.mktemp("server")) as running:
        template = str(DEPLOYMENTS / "work-pools" / "process.json")
        running.command(
            *("work-pool", "create", "coldpress", "--type", "process"),
            *("--base-job-template", template),
        )
        running.command("deploy", "--all", "--prefect-file", str(DEPLOYMENTS / "prefect.yaml"))
        running.command(
            "automation", "create", "--from-file", str(DEPLOYMENTS / "automations.yaml")
        )
        yield running
