"""A Prefect server in a process of its own, as a team would run it, with a database in a folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

DEPLOYMENTS = Path(__file__).parents[2] / "deployments"


def call_api(
    method: str, address: str, body: object = None, user: tuple[str, str] | None = None
) -> httpx.Response:
    """Call an API, again where its SQLite was locked for an instant, as Prefect's client does."""
    answer = None
    while answer is None or answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        answer = httpx.request(method, address, json=body, timeout=60, auth=user)
    return answer


@dataclass(frozen=True)
class PrefectServer:
    """Its address, and the folder that it and its commands keep everything in."""

    folder: Path
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a command or a worker needs to reach it, and nothing of this session's."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW"))}
        return {
            **inherited,
            "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api",
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            **self.settings,
        }

    def command(self, *words: str, also: Mapping[str, str] | None = None) -> str:
        """Run `prefect ...` in the folder, to a good end, and return what it printed."""
        result = subprocess.run(
            [sys.executable, "-P", "-m", "prefect", "--no-prompt", *words],
            cwd=self.folder,
            env={**self.environment, **(also or {})},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Call its API, again where its SQLite was locked for an instant."""
        address = f"{self.environment['PREFECT_API_URL']}/{path}"
        user, _, password = self.settings.get("PREFECT_API_AUTH_STRING", "").partition(":")
        return call_api(method, address, body, (user, password))

    def answer(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Call its API, and return what a good answer holds."""
        return self.ask(method, path, body).raise_for_status().json()

    @contextmanager
    def process(
        self, *words: str, also: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Have `prefect ...` run beside a block, and end it with all that it started."""
        with (self.folder / f"{words[0]}.log").open("a") as log:
            started = subprocess.Popen(
                [sys.executable, "-P", "-m", "prefect", *words],
                cwd=self.folder,
                env={**self.environment, **(also or {})},
                stdout=log,
                stderr=log,
            )
            try:
                yield started
            finally:
                started.terminate()
                try:
                    started.wait(30)
                except subprocess.TimeoutExpired:
                    started.kill()
                    started.wait()


@contextmanager
def running(
    folder: Path, settings: Mapping[str, str] | None = None, own: Mapping[str, str] | None = None
) -> Iterator[PrefectServer]:
    """Have a server that answers, for the length of a block.

    Args:
        folder: See `PrefectServer`.
        settings: Further variables of its clients.
        own: Further variables of the server alone.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = PrefectServer(folder, free.getsockname()[1], settings or {})
    words = ("server", "start", "--host", "127.0.0.1", "--port", str(server.port))
    with server.process(*words, also=own):
        _wait_until_healthy(server)
        yield server


def _wait_until_healthy(server: PrefectServer) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            server.answer("GET", "health")
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError((server.folder / "server.log").read_text())
