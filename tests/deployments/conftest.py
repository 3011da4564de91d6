"""The files of deployments/, and servers for a session that have them all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import postgres, prefect_server, team_servers
from tests.support.command import Coldpress, new_home
from tests.support.prefect_server import DEPLOYMENTS, PrefectServer
from tests.support.team_servers import Team


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


@pytest.fixture(scope="session")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """PostgreSQL, and MLflow and Prefect servers on it that ask who you are."""
    reason = postgres.why_not()
    if reason is not None:
        pytest.skip(reason)
    with team_servers.running(tmp_path_factory.mktemp("team")) as running:
        yield running


@pytest.fixture(scope="session")
def member(team: Team) -> Coldpress:
    """The command, as somebody runs it who has the credentials."""
    return Coldpress(new_home(team.folder / "member").home, team.prefect.environment)


@pytest.fixture(scope="session")
def tiny_run(member: Coldpress) -> dict[str, Any]:
    """The outcome of the tiny recipe; a second variant is registered, the first is champion."""
    outcome = member.run_tiny()
    member.run_tiny("--set", "quantize.method=static-int8")
    result = member("promote", "tiny/1", "--reason", "the first")
    assert result.code == 0, result.error
    return outcome
