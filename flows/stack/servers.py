"""Servers of the stack: command lines, environments, ports and paths."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tasks.environment import local_stack
from tasks.environment.home import RETRY_VARIABLES
from tasks.environment.local_stack import MLFLOW, PREFECT, WORKER
from tasks.environment.variables import WEB_SERVERS

NAMES = (MLFLOW, PREFECT, WORKER)
TITLES = {MLFLOW: "MLflow", PREFECT: "Prefect", WORKER: "worker"}
DEFAULT_PORTS = {MLFLOW: 5000, PREFECT: 4200}
HEALTH_PATHS = {MLFLOW: "/health", PREFECT: "/api/health"}
UI_PATHS = {MLFLOW: "/", PREFECT: "/v2"}
POOL = "coldpress"
WORKER_NAME = "local"


def command(home: Path, server: str, port: int | None) -> list[str]:
    """Return the command line that starts a server in the foreground.

    Args:
        home: The stack's home.
        server: `mlflow`, `prefect` or `worker`.
        port: The server's port; None for the worker.
    """
    # -P: do not import from folders in the working directory.
    python = [sys.executable, "-P", "-m"]
    if server == MLFLOW:
        return [*python, *_mlflow_command(home, port)]
    if server == PREFECT:
        return [*python, *_prefect_command(port)]
    return [*python, *_WORKER_COMMAND]


def _mlflow_command(home: Path, port: int | None) -> list[str]:
    hosts = ",".join(f"{host}:{port}" for host in _HOSTS)
    return [
        *("mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{local_stack.stack_folder(home) / 'mlflow.db'}"),
        *("--artifacts-destination", local_stack.artifact_folder(home).as_uri()),
        *("--allowed-hosts", hosts, "--cors-allowed-origins", _origins(port)),
        "--uvicorn-opts=--no-access-log",
    ]


def _prefect_command(port: int | None) -> list[str]:
    return ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]


_WORKER_COMMAND = [
    *("prefect", "--no-prompt", "worker", "start", "--pool", POOL, "--type", "process"),
    *("--name", WORKER_NAME, "--install-policy", "never", "--no-create-pool-if-not-found"),
]
_HOSTS = ("127.0.0.1", "localhost")


def _origins(port: int | None) -> str:
    return ",".join(f"http://{host}:{port}" for host in _HOSTS)


def environment(home: Path, server: str, ports: Mapping[str, int]) -> dict[str, str]:
    """Return the environment of a server: the caller's, without other servers' settings.

    Args:
        home: The stack's home.
        server: `mlflow`, `prefect` or `worker`.
        ports: Ports of both servers.
    """
    # Each run sets its own wait policy: `openmp.wait_policy`.
    threads = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    foreign = ("PREFECT_", "MLFLOW_", "_MLFLOW_", *threads, *WEB_SERVERS)
    inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith(foreign)}
    quiet = {"DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONUNBUFFERED": "1"}
    shared = {
        "COLDPRESS_HOME": str(home),
        local_stack.MARKER: local_stack.marker(home, server),
        **quiet,
    }
    if server == MLFLOW:
        return {**inherited, **shared, **_MLFLOW_SETTINGS}
    if server == PREFECT:
        return {**inherited, **shared, **_prefect_settings(home, ports[PREFECT])}
    return {**inherited, **shared, **_worker_settings(home, ports)}


_MLFLOW_SETTINGS = {
    # Not used here; its processes take seconds to start, and memory.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


def _prefect_settings(home: Path, port: int) -> dict[str, str]:
    folder = local_stack.stack_folder(home) / "prefect"
    return {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder / 'prefect.db'}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # By default pages of any origin may call the API.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": _origins(port),
        "PREFECT_UI_URL": f"{local_stack.loopback_url(port)}{UI_PATHS[PREFECT]}",
        # Otherwise its pages call port 4200, whatever the server's port.
        "PREFECT_SERVER_UI_API_URL": f"{local_stack.loopback_url(port)}/api",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }


def _worker_settings(home: Path, ports: Mapping[str, int]) -> dict[str, str]:
    """Settings of the worker and its flow runs, the same as `home` sets for a command."""
    prefect = local_stack.loopback_url(ports[PREFECT])
    return {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": f"{prefect}/api",
        "PREFECT_UI_URL": f"{prefect}{UI_PATHS[PREFECT]}",
        "MLFLOW_TRACKING_URI": local_stack.loopback_url(ports[MLFLOW]),
        **RETRY_VARIABLES,
    }
