"""Both servers' state, saved, lost and brought back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Coldpress
from tests.support.team_servers import Team

pytestmark = pytest.mark.xdist_group("team")
DATABASES = ("mlflow", "mlflow_auth", "prefect")


def test_a_backup_restores_models_users_and_runs(
    team: Team, member: Coldpress, tiny_run: dict[str, Any], tmp_path: Path
) -> None:
    """Databases first, then the files: nothing that a database names came after it."""
    before = member("lineage", "tiny@champion", "--json").output
    runs = team.prefect.answer("POST", "flow_runs/count", {})
    for name in DATABASES:
        saved = str(tmp_path / f"{name}.dump")
        team.cluster.run("pg_dump", "--format", "custom", "--file", saved, name)
    shutil.copytree(team.folder / "artifacts", tmp_path / "artifacts")

    shutil.rmtree(team.folder / "artifacts")
    for name in DATABASES:
        team.cluster.run("dropdb", "--force", name)

    shutil.copytree(tmp_path / "artifacts", team.folder / "artifacts")
    for name in DATABASES:
        team.cluster.run("createdb", name)
        saved = str(tmp_path / f"{name}.dump")
        team.cluster.run("pg_restore", "--exit-on-error", "--dbname", name, saved)

    assert member("lineage", "tiny@champion", "--json").output == before
    assert member("predict", "tiny@champion", "where is my order").code == 0
    assert team.prefect.answer("POST", "flow_runs/count", {}) == runs
