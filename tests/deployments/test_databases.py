"""deployments/init-databases.sh, run by a real PostgreSQL as its image runs it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import postgres
from tests.support.postgres import Cluster

SCRIPT = Path(__file__).parents[2] / "deployments" / "init-databases.sh"
# What a password may hold, and an address or a statement may not.
PASSWORDS = {"mlflow": "m@:/'d b$x\\", "prefect": 'p";--@%41'}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster where the script has run."""
    reason = postgres.why_not()
    if reason is not None:
        pytest.skip(reason)
    with postgres.running() as cluster:
        passwords = {f"{user.upper()}_DATABASE_PASSWORD": word for user, word in PASSWORDS.items()}
        # psql is found beside the server, where only the server's folder has it.
        path = f"{os.environ['PATH']}:{postgres.programs()}"
        environment = {**os.environ, **cluster.environment, "PATH": path}
        environment |= {"POSTGRES_USER": postgres.USER, **passwords}
        result = subprocess.run(
            [SCRIPT], env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        yield cluster


def entered(cluster: Cluster, user: str, password: str, database: str) -> str:
    """The encoding of a database that somebody writes into; or why they do not."""
    environment = {**os.environ, **cluster.environment, "PGUSER": user, "PGPASSWORD": password}
    words = ["-At", "-d", database, "-c", "CREATE TABLE own (id int)", "-c", "SHOW server_encoding"]
    psql = f"{postgres.programs()}/psql"
    result = subprocess.run(
        [psql, *words], env=environment, capture_output=True, text=True, check=False
    )
    return result.stderr or result.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("user", "database"),
    [("mlflow", "mlflow"), ("mlflow", "mlflow_auth"), ("prefect", "prefect")],
)
def test_each_server_owns_its_databases(cluster: Cluster, user: str, database: str) -> None:
    assert entered(cluster, user, PASSWORDS[user], database) == "UTF8"


@pytest.mark.parametrize(
    ("user", "database"),
    [
        *(("mlflow", "prefect"), ("prefect", "mlflow"), ("prefect", "mlflow_auth")),
        *(("mlflow", "postgres"), ("prefect", "template1")),
    ],
)
def test_a_server_cannot_connect_to_databases_of_others(
    cluster: Cluster, user: str, database: str
) -> None:
    error = entered(cluster, user, PASSWORDS[user], database)
    assert f'permission denied for database "{database}"' in error


def test_a_wrong_password_is_refused(cluster: Cluster) -> None:
    assert "authentication failed" in entered(cluster, "mlflow", "wrong", "mlflow")
