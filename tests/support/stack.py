"""A whole stack of `coldpress up` on free ports, in a home of its own."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from flows.stack import servers
from tasks.environment import local_stack
from tasks.environment.local_stack import MLFLOW, PREFECT
from tests.support.command import Coldpress, new_home
from tests.support.prefect_server import call_api

FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass(frozen=True)
class Stack:
    """A stack that is up, and what can be asked of it.

    Attributes:
        coldpress: The command whose home has it.
        up_output: Output of `coldpress up`.
    """

    coldpress: Coldpress
    up_output: str

    @property
    def state(self) -> Path:
        """The home."""
        return self.coldpress.home / "state"

    def running(self) -> list[int | None]:
        """Pid of MLflow, Prefect and the worker, None for what does not run."""
        return [
            local_stack.running_pid(local_stack.read_server_record(self.state, s))
            for s in servers.NAMES
        ]

    def address(self, server: str) -> str:
        """Where MLflow or Prefect answers."""
        return local_stack.loopback_url(local_stack.read_server_record(self.state, server).port)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Call Prefect's API, and return what a good answer holds; None if it is empty."""
        answer = call_api(method, f"{self.address(PREFECT)}/api/{path}", body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def runs_in_mlflow(self) -> list[dict[str, Any]]:
        """Every run: name, status and tags, the latest first."""
        address = f"{self.address(MLFLOW)}/api/2.0/mlflow"
        response = httpx.post(f"{address}/experiments/search", json={"max_results": 100}).json()
        ids = [experiment["experiment_id"] for experiment in response["experiments"]]
        query = {"experiment_ids": ids, "max_results": 1000}
        runs = httpx.post(f"{address}/runs/search", json=query).json().get("runs", [])
        return [
            {
                "name": run["info"]["run_name"],
                "status": run["info"]["status"],
                "tags": {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])},
            }
            for run in runs
        ]

    def versions(self) -> dict[str, list[tuple[str, str]]]:
        """Version and digest of all that is registered, by name."""
        address = f"{self.address(MLFLOW)}/api/2.0/mlflow/model-versions/search"
        by_name: dict[str, list[tuple[str, str]]] = {}
        for version in httpx.get(address, params={"max_results": 1000}).json()["model_versions"]:
            tags = {tag["key"]: tag["value"] for tag in version.get("tags", [])}
            number_and_digest = (version["version"], tags.get("digest", ""))
            by_name.setdefault(version["name"], []).append(number_and_digest)
        return by_name

    def flow_runs(self) -> dict[str, str]:
        """The state of every flow run, by its id."""
        return {run["id"]: run["state_type"] for run in self.ask("POST", "flow_runs/filter", {})}


def free_ports() -> list[int]:
    """Two ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


@contextmanager
def up(path: Path) -> Iterator[Stack]:
    """Have a stack for the length of a block."""
    coldpress = new_home(path)
    mlflow, prefect = free_ports()
    began = time.monotonic()
    result = coldpress("up", "--port-mlflow", str(mlflow), "--port-prefect", str(prefect))
    print(f"up took {time.monotonic() - began:.1f} s")  # noqa: T201
    try:
        assert result.code == 0, result.error
        yield Stack(coldpress, result.output)
    finally:
        began = time.monotonic()
        ended = coldpress("down")
        print(f"down took {time.monotonic() - began:.1f} s")  # noqa: T201
    assert ended.code == 0


def within(seconds: float, holds: Callable[[], bool]) -> float:
    """Wait until something holds, and return after how many seconds it did."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() < began + seconds, "it does not hold in time"
        time.sleep(0.5)
    return time.monotonic() - began
