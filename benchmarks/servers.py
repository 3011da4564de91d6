"""An MLflow server and a Prefect server of a benchmark's own, on loopback."""

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
    """Point MLflow at a server; it must stand before MLflow is imported or a process forked."""
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
    """Point Prefect at a server, likewise."""
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
    with log.open("w") as written:
        process = subprocess.Popen([sys.executable, "-m", *module], stdout=written, stderr=written)
    try:
        wait_for(health)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def wait_for(address: str) -> None:
    """Return when a server answers, at the latest after two minutes.

    Args:
        address: Of a page that it has.

    Raises:
        TimeoutError: It does not.
    """
    for _ in range(240):
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise TimeoutError(address)
