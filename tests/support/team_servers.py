"""Servers of a team in plain processes: PostgreSQL, and MLflow and Prefect with logins."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support import postgres, prefect_server
from tests.support.postgres import Cluster
from tests.support.prefect_server import DEPLOYMENTS, PrefectServer

USER = "builder"
FLASK_SECRET = secrets.token_hex(16)
AUTH_CONFIG = Path(__file__).parents[2] / "mlflow" / "basic_auth.ini"
PATIENCE: dict[str, str] = json.loads((DEPLOYMENTS / "work-pools" / "process.json").read_text())[
    "variables"
]["properties"]["env"]["default"]
"""What its pool gives to each run; a worker needs the same."""
WORKER = (
    *("worker", "start", "--pool", "coldpress", "--type", "process"),
    *("--install-policy", "never", "--no-create-pool-if-not-found"),
)


@dataclass(frozen=True)
class Team:
    """The servers of a team, and what opens them."""

    folder: Path
    cluster: Cluster
    mlflow: str
    prefect: PrefectServer

    @property
    def credentials(self) -> dict[str, str]:
        """What a person or a worker has to have in the environment."""
        names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "PREFECT_API_AUTH_STRING")
        return {name: self.prefect.settings[name] for name in names}

    @property
    def environment(self) -> dict[str, str]:
        """That of a person or a worker who knows the servers, without credentials."""
        variables = self.prefect.environment.items()
        return {name: value for name, value in variables if name not in self.credentials}

    @property
    def hidden(self) -> list[str]:
        """What must stand nowhere."""
        _, mlflow, prefect = self.credentials.values()
        return [self.cluster.password, mlflow, prefect.partition(":")[2], FLASK_SECRET]

    def user(self, name: str) -> dict[str, str]:
        """Make a user of MLflow who is no administrator, and return that one's environment."""
        password = secrets.token_hex(16)
        administrator = (USER, self.credentials["MLFLOW_TRACKING_PASSWORD"])
        account = {"username": name, "password": password}
        address = f"{self.mlflow}/api/2.0/mlflow/users/create"
        httpx.post(address, json=account, auth=administrator).raise_for_status()
        login = {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": password}
        return {**self.prefect.environment, **login}

    @contextmanager
    def worker(self, name: str) -> Iterator[None]:
        """Have one more worker for a block; it looks for runs more often than most."""
        also = {**PATIENCE, "PREFECT_WORKER_QUERY_SECONDS": "2", "PREFECT_LOGGING_LEVEL": "INFO"}
        with self.prefect.process(*WORKER, "--name", name, also=also):
            yield


@contextmanager
def running(folder: Path) -> Iterator[Team]:
    """Have all of it, with the pool, the deployments and the automations, for a block."""
    credentials = {
        "MLFLOW_TRACKING_USERNAME": USER,
        "MLFLOW_TRACKING_PASSWORD": secrets.token_hex(16),
        "PREFECT_API_AUTH_STRING": f"{USER}:{secrets.token_hex(16)}",
    }
    with (
        postgres.running("mlflow", "mlflow_auth", "prefect") as cluster,
        _mlflow(folder, cluster, credentials) as address,
        prefect_server.running(
            folder,
            _client_settings(folder, address, credentials),
            _server_settings(cluster, credentials),
        ) as prefect,
    ):
        _provision(prefect)
        _wait_until_healthy(address, folder / "mlflow.log")
        yield Team(folder, cluster, address, prefect)


def _client_settings(folder: Path, mlflow: str, credentials: Mapping[str, str]) -> dict[str, str]:
    return {
        **credentials,
        "MLFLOW_TRACKING_URI": mlflow,
        "COLDPRESS_HOME": str(folder / "state"),
        "OMP_NUM_THREADS": "1",
    }


def _server_settings(cluster: Cluster, credentials: Mapping[str, str]) -> dict[str, str]:
    """What Prefect's server alone is told."""
    return {
        **cluster.environment,
        "PREFECT_API_DATABASE_CONNECTION_URL": "postgresql+asyncpg:///prefect",
        "PREFECT_SERVER_API_AUTH_STRING": credentials["PREFECT_API_AUTH_STRING"],
    }


def _provision(prefect: PrefectServer) -> None:
    subprocess.run(
        [sys.executable, "-P", "-m", "flows.stack.provision"],
        cwd=prefect.folder,
        env=prefect.environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )


@contextmanager
def _mlflow(folder: Path, cluster: Cluster, credentials: Mapping[str, str]) -> Iterator[str]:
    """Start it; Prefect starts meanwhile."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW"))}
    settings = {
        **cluster.environment,
        "MLFLOW_BACKEND_STORE_URI": "postgresql:///mlflow",
        "MLFLOW_AUTH_CONFIG_PATH": str(AUTH_CONFIG),
        "MLFLOW_AUTH_ADMIN_USERNAME": credentials["MLFLOW_TRACKING_USERNAME"],
        "MLFLOW_AUTH_ADMIN_PASSWORD": credentials["MLFLOW_TRACKING_PASSWORD"],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": FLASK_SECRET,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
    }
    command = [
        *(sys.executable, "-P", "-m", "mlflow", "server", "--app-name", "basic-auth"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "2"),
        *("--serve-artifacts", "--artifacts-destination", (folder / "artifacts").as_uri()),
    ]
    with (folder / "mlflow.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder, env={**inherited, **settings}, stdout=log, stderr=log
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(30)


def _wait_until_healthy(address: str, log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            httpx.get(f"{address}/health").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(log.read_text())
