"""Deployments at work, with a real worker: schedules fire and skip, and what is dead is Crashed."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.prefect_server import DEPLOYMENTS, PrefectServer

pytestmark = pytest.mark.slow

WORKER = (
    "worker",
    "start",
    "--pool",
    "coldpress",
    "--type",
    "process",
    "--install-policy",
    "never",
)
BEATING = """
import os, time
from pathlib import Path
from prefect import flow
from prefect.states import Completed

@flow
def beat(file: str, seconds: int, name: str):
    Path(file).write_text(str(os.getpid()))
    time.sleep(seconds)
    return Completed(name=name)
"""


def deploy(server: PrefectServer, copied: str, path: Path, **changes: object) -> str:
    """Deploy a copy of a shipped deployment, and return the path of its runs' filter."""
    shipped = yaml.safe_load((DEPLOYMENTS / "prefect.yaml").read_text())["deployments"]
    (original,) = (entry for entry in shipped if entry["name"] == copied)
    file = path / "prefect.yaml"
    file.write_text(yaml.safe_dump({"pull": [], "deployments": [{**original, **changes}]}))
    server.command("deploy", "--all", "--prefect-file", str(file), also={"PYTHONPATH": str(path)})
    result = server.answer("POST", "deployments/filter", {})
    return str(next(entry["id"] for entry in result if entry["name"] == changes["name"]))


def runs(server: PrefectServer, deployment: str) -> list[dict[str, Any]]:
    """Its runs."""
    of_it = {"deployments": {"id": {"any_": [deployment]}}}
    result: list[dict[str, Any]] = server.answer("POST", "flow_runs/filter", of_it)
    return result


def within(seconds: float, holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it does not hold in time"
        time.sleep(0.5)


def test_a_schedule_fires_and_a_run_that_overlaps_is_skipped(
    server: PrefectServer, tmp_path: Path
) -> None:
    """The watch of the registry, every two seconds: a process takes longer to start alone."""
    often = {"slug": "often", "interval": 2, "timezone": "UTC", "active": True}
    deployment = deploy(server, "watch-registry", tmp_path, name="often", schedules=[often])

    def ended(state: str) -> list[dict[str, Any]]:
        return [run for run in runs(server, deployment) if run["state_type"] == state]

    store = {
        "COLDPRESS_HOME": str(tmp_path / "home"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
        # A worker takes runs ten seconds early, and then skips what would not have overlapped.
        "PREFECT_WORKER_PREFETCH_SECONDS": "0",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }
    with server.process(*WORKER, also=store):
        within(180, lambda: len(ended("COMPLETED")) >= 2 and bool(ended("CANCELLED")))
        # SQLite is locked for an instant now and then, which Prefect's server answers with 503.
        pause = {"paused": True}
        within(60, lambda: server.ask("PATCH", f"deployments/{deployment}", pause).is_success)
        within(120, lambda: not ended("RUNNING") and not ended("PENDING"))

    completed = sorted(ended("COMPLETED"), key=lambda run: run["start_time"])
    for earlier, later in itertools.pairwise(completed):
        assert moment(earlier["end_time"]) <= moment(later["start_time"])
    skipped = ended("CANCELLED")
    assert {run["run_count"] for run in skipped} == {0}
    assert {run["state"]["message"] for run in skipped} == {"Deployment concurrency limit reached."}


def test_a_run_whose_worker_and_process_were_killed_is_crashed_and_no_other(
    server: PrefectServer, tmp_path: Path
) -> None:
    """The shipped automation as it is: 90 seconds, and what beats for longer lives on."""
    (tmp_path / "beating.py").write_text(BEATING)
    deployment = deploy(
        server, "demo", tmp_path, name="beating", entrypoint="beating.beat", parameters={}
    )
    orders = {"killed": (300, "Completed"), "alive": (130, "Completed"), "refused": (0, "Refused")}
    ids = {}
    for order, (seconds, name) in orders.items():
        parameters = {"file": str(tmp_path / order), "seconds": seconds, "name": name}
        path = f"deployments/{deployment}/create_flow_run"
        ids[order] = server.answer("POST", path, {"parameters": parameters})["id"]

    def states() -> dict[str, str]:
        result = {order: server.answer("GET", f"flow_runs/{id_}") for order, id_ in ids.items()}
        return {order: f"{run['state_type']} {run['state_name']}" for order, run in result.items()}

    also = {"PYTHONPATH": str(tmp_path), "PREFECT_WORKER_QUERY_SECONDS": "1"}
    with server.process(*WORKER, also=also) as worker:
        within(120, lambda: all((tmp_path / order).exists() for order in orders))
        within(60, lambda: states()["refused"] == "COMPLETED Refused")
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    os.kill(int((tmp_path / "killed").read_text()), signal.SIGKILL)
    assert states()["killed"] == "RUNNING Running"
    within(150, lambda: states()["killed"] == "CRASHED Crashed")
    within(150, lambda: states()["alive"] == "COMPLETED Completed")
    assert states()["refused"] == "COMPLETED Refused"


def moment(text: str) -> datetime:
    """A time, as the API writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
