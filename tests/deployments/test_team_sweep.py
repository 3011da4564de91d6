"""A sweep on two workers whose servers lose their database in the middle: nothing is lost."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.deployments.test_outage import STUDENTS, check, outage, within
from tests.support.command import Coldpress
from tests.support.team_servers import PATIENCE, Team

pytestmark = pytest.mark.xdist_group("team")

OVER = ("--over", "seed=21..24", "--over", "quantize.method=dynamic-int8,static-int8")


def test_a_sweep_of_eight_runs_loses_none_in_an_outage_of_the_database(
    team: Team, member: Coldpress, tiny_run: dict[str, Any]
) -> None:
    students = len(team.cluster.rows("mlflow", STUDENTS))
    path = member.home / "sweep.json"
    words = member.command("sweep", "./tiny.yaml", "--json", str(path), *OVER)
    log = member.home / "sweep.log"
    with team.worker("one"), team.worker("two"), log.open("w") as file:
        environment = {**member.environment, **PATIENCE}
        sweep = subprocess.Popen(words, cwd=member.home, env=environment, stdout=file, stderr=file)
        within(300, lambda: len(team.cluster.rows("mlflow", STUDENTS)) > students)
        with outage(team):
            pass
        assert sweep.wait(900) == 0, log.read_text()
    outcome = json.loads(path.read_text())["sweep"]
    assert outcome["failures"] == []
    assert [setting["runs"] for setting in outcome["settings"]] == [4, 4]
    check(team, [run["flow_run_id"] for run in outcome["runs"]])
