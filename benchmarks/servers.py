"""An MLflow server and a Prefect server on loopback for benchmarks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def mlflow_server(directory: Path) -> Iterator[None]:
    """Start a server and point MLflow at it, before MLflow is imported or a process is forked."""
    port = free_port()
    os.environ["MLFLOW_TRACKING_URI"] = address = f"http://127.0.0.1:{port}"
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    store = ["--backend-store-uri", f"sqlite:///{directory / 'server.db'}"]
    files = ["--artifacts-destination", str(directory / "served")]
    command = ["mlflow", "server", "--port", str(port), *store, *files, "--workers", "2"]
    with _serving(command, f"{address}/health", directory / "mlflow.log"):
        yield


@contextmanager
def prefect_server(directory: Path) -> Iterator[None]:
    """Start a server and point Prefect at it, before Prefect is imported."""
    port = free_port()
    os.environ["PREFECT_HOME"] = str(directory / "prefect")
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    os.environ["PREFECT_LOGGING_LEVEL"] = "ERROR"
    os.environ["PREFECT_API_URL"] = address = f"http://127.0.0.1:{port}/api"
    command = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with _serving(command, f"{address}/health", directory / "prefect.log"):
        yield


@contextmanager
def _serving(module: list[str], health: str, log: Path) -> Iterator[None]:
    with log.open("w") as file:
        process = subprocess.Popen([sys.executable, "-m", *module], stdout=file, stderr=file)
    try:
        wait_for(health)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def free_port() -> int:
    """Return a free port on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def wait_for(address: str) -> None:
    """Wait until a server responds, for at most two minutes.

    Args:
        address: URL of a page of the server.

    Raises:
        TimeoutError: The server does not respond.
    """
    for _ in range(240):
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise TimeoutError(address)
