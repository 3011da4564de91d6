"""A worker dies before a run begins: the run is found, marked Crashed, and its slot is free."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.stack import abandoned_runs
from tasks.environment import local_stack, processes
from tasks.environment.local_stack import PREFECT, WORKER, ServerRecord
from tests.support.prefect_server import PrefectServer

# It has a limit of one run, and cancels each other one.
LIMITED = "deployments/name/watch-registry/watch-registry"


@pytest.fixture
def home(server: PrefectServer, tmp_path: Path) -> Path:
    """A home whose stack is this server, without a worker."""
    local_stack.stack_folder(tmp_path).mkdir()
    local_stack.write_server_record(
        tmp_path, PREFECT, ServerRecord(server.port, processes.current_process_identity())
    )
    return tmp_path


@contextmanager
def worker(home: Path, after: datetime) -> Iterator[None]:
    """Have a process that is recorded as the stack's worker, and that was started after a time."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        name = processes.process_identity(psutil.Process(process.pid))
        local_stack.write_server_record(home, WORKER, ServerRecord(None, name))
        since = local_stack.started_at(local_stack.read_server_record(home, WORKER))
        assert since is not None
        if since > after:
            yield
    if since <= after:  # the system tells the start of a process to a second alone
        with worker(home, after):
            yield


def pending_run(server: PrefectServer) -> str:
    """A run that a worker has taken, and not begun."""
    deployment = server.answer("GET", LIMITED)["id"]
    run = str(server.answer("POST", f"deployments/{deployment}/create_flow_run", {})["id"])
    pending = {"state": {"type": "PENDING"}}
    answer = server.answer("POST", f"flow_runs/{run}/set_state", pending)
    assert answer["status"] == "ACCEPT", answer
    return run


def state(server: PrefectServer, run: str) -> Any:  # noqa: ANN401
    return server.answer("GET", f"flow_runs/{run}")["state"]


def end(server: PrefectServer, run: str) -> None:
    cancelled = {"state": {"type": "CANCELLED"}, "force": True}
    server.answer("POST", f"flow_runs/{run}/set_state", cancelled)


def test_a_run_that_a_worker_has_just_started_is_not_changed(
    server: PrefectServer, home: Path
) -> None:
    with worker(home, datetime.fromtimestamp(0, UTC)):
        run = pending_run(server)
        assert abandoned_runs.end_runs(home) == []
    assert state(server, run)["type"] == "PENDING"
    end(server, run)


@pytest.mark.parametrize("cancelled", [False, True], ids=["pending", "cancelling"])
def test_a_run_of_a_worker_that_is_gone_frees_its_slot(
    server: PrefectServer, home: Path, cancelled: bool
) -> None:
    run = pending_run(server)
    if cancelled:  # as somebody does in the UI, who sees that nothing happens
        cancelling = {"state": {"type": "CANCELLING"}}
        server.answer("POST", f"flow_runs/{run}/set_state", cancelling)
    (abandoned,) = abandoned_runs.find_runs(home)
    assert (abandoned.id, abandoned.state) == (run, "Cancelling" if cancelled else "Pending")
    with worker(home, abandoned.since):
        assert [ended.id for ended in abandoned_runs.end_runs(home)] == [run]
    assert state(server, run)["type"] == ("CANCELLED" if cancelled else "CRASHED")
    assert "worker died" in state(server, run)["message"]
    assert abandoned_runs.find_runs(home) == []
    end(server, pending_run(server))
