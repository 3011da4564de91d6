"""MLflow's own server, in a process of its own, that does what it is asked and loses answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx


@dataclass(frozen=True)
class LosingServer:
    """Where it is."""

    address: str

    def lose(self, *ends: str) -> None:
        """Have the next good answer of each path that ends so lost, once."""
        httpx.put(f"{self.address}/to-lose", content=" ".join(ends)).raise_for_status()

    def to_lose(self) -> str:
        """What it has not lost yet."""
        return httpx.get(f"{self.address}/to-lose").text


@contextmanager
def running(folder: Path) -> Iterator[LosingServer]:
    """Have a server whose store is in a folder, where `mlflow.db` is already."""
    settings = {
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder / 'mlflow.db'}",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": (folder / "artifacts").as_uri(),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-P", __file__],
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            yield LosingServer(f"http://127.0.0.1:{port}")
        finally:
            server.kill()
            server.wait()


class _LosingApplication:
    """A WSGI application around another one."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._to_lose: set[str] = set()

    def __call__(self, environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environment["PATH_INFO"]
        if path == "/to-lose":
            start("200 OK", [])
            return [self._update_and_list(environment)]
        responses: list[tuple[Any, ...]] = []
        answer = list(self._application(environment, lambda *how: responses.append(how)))
        matching = {end for end in self._to_lose if path.endswith(end)}
        if matching and responses[0][0].startswith("200"):
            self._to_lose -= matching
            start("503 SERVICE UNAVAILABLE", [("Content-Length", "0")])
            return []
        start(*responses[0])
        return answer

    def _update_and_list(self, environment: dict[str, Any]) -> bytes:
        if environment["REQUEST_METHOD"] == "PUT":
            length = int(environment["CONTENT_LENGTH"])
            self._to_lose = set(environment["wsgi.input"].read(length).decode().split())
        return " ".join(sorted(self._to_lose)).encode()


def main() -> None:
    """Serve, after a line with the port."""
    from mlflow.server import app
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, _LosingApplication(app), threaded=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
