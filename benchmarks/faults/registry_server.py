"""An MLflow server on loopback that can be stopped and started again at the same address."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from servers import free_port, wait_for


@dataclass
class RegistryServer:
    """The server, whose database and files are in a folder.

    Attributes:
        folder: With `server.db` and `artifacts`.
        port: On this machine.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """For `MLFLOW_TRACKING_URI`."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server, and wait until it responds."""
        store = ["--backend-store-uri", f"sqlite:///{self.folder / 'server.db'}"]
        files = ["--artifacts-destination", str(self.folder / "artifacts")]
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(self.port)]
        variables = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *store, *files, "--workers", "1"], env=variables, stdout=log, stderr=log
            )
        wait_for(f"{self.address}/health")

    def stop(self) -> None:
        """End the server."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    def set_champion(self, model: str, version: int) -> None:
        """Move the alias as a user of MLflow's pages does, without any check.

        Args:
            model: Registered name.
            version: Its number.
        """
        alias = {"name": model, "alias": "champion", "version": str(version)}
        request = urllib.request.Request(
            f"{self.address}/api/2.0/mlflow/registered-models/alias",
            json.dumps(alias).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=30).close()


@contextmanager
def registry_server(folder: Path) -> Iterator[RegistryServer]:
    """Have a server while the block runs.

    Args:
        folder: Created, with what the server keeps.
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = RegistryServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
