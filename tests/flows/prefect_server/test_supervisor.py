"""The embedded Prefect server is killed at any moment: the run goes on and loses nothing."""

from __future__ import annotations

import contextvars
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES

from flows.prefect_server import session, supervisor
from tasks.environment import processes
from tests.support.command import Coldpress, new_home

OPEN_STAGE = """
SELECT 1 FROM runs JOIN tags ON runs.run_uuid = tags.run_uuid
WHERE tags.key = 'coldpress.stage' AND tags.value = ? AND runs.status = 'RUNNING'
"""
TABLES = "SELECT 1 FROM sqlite_master WHERE name = 'flow_run'"


def server_of(state: Path) -> str | None:
    """Name of the process that serves a home, if one is recorded."""
    for path in (state / "servers").glob("*.json"):
        with suppress(FileNotFoundError, ValueError):
            return str(json.loads(path.read_text())["server"])
    return None


def kill_server(state: Path) -> str:
    name = server_of(state)
    assert name is not None
    psutil.Process(int(name.rsplit(":", 2)[1])).kill()
    return name


def holds(database: Path, query: str, *values: str) -> bool:
    # The file or its tables may not be there yet, or be locked for an instant.
    with (
        suppress(sqlite3.OperationalError),
        sqlite3.connect(f"file:{database}?mode=ro", uri=True) as reader,
    ):
        return reader.execute(query, values).fetchone() is not None
    return False


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 300
    while not condition():
        assert process.poll() is None, "the run ended before"
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.01)


def start(coldpress: Coldpress, *words: str) -> subprocess.Popen[bytes]:
    with (coldpress.home / "run.log").open("wb") as log:
        return subprocess.Popen(
            coldpress.command("run", "./tiny.yaml", "--json", "ended.json", *words),
            cwd=coldpress.home,
            env=coldpress.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def test_a_run_survives_its_server(tmp_path: Path) -> None:
    coldpress = new_home(tmp_path)
    state = coldpress.home / "state"
    killed = []
    process = start(coldpress)
    # While it starts for the first time, then in two stages.
    wait_until(lambda: holds(state / "prefect" / "prefect.db", TABLES), process)
    killed.append(kill_server(state))
    for stage in ("train_teacher", "export_onnx"):
        wait_until(partial(holds, state / "mlflow.db", OPEN_STAGE, stage), process)
        wait_until(lambda: server_of(state) not in {None, *killed}, process)
        killed.append(kill_server(state))
    assert process.wait(600) == 0, (coldpress.home / "run.log").read_text()
    outcome = json.loads((coldpress.home / "ended.json").read_text())
    assert [stage["status"] for stage in outcome["stages"]] == ["ran"] * 7
    assert outcome["gate"]["passed"]
    assert list((state / "servers").iterdir()) == []
    with sqlite3.connect(state / "prefect" / "prefect.db") as database:
        states = database.execute("SELECT state_type FROM flow_run").fetchall()
    assert states == [("COMPLETED",)]
    log = (coldpress.home / "run.log").read_text()
    assert log.count("server was killed by signal 9 and is restarted") == len(killed)
    assert "Traceback" not in log


def test_the_supervisor_stops_its_server_and_a_session_does_not(state: Path) -> None:
    with pytest.raises(KeyboardInterrupt), supervisor.embedded_server() as server:
        with session.prefect_server(server):
            name = server_of(state)
        assert not processes.is_gone(name)
        raise KeyboardInterrupt
    assert processes.is_gone(name)
    assert list((state / "servers").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the next command ends it there")
def test_a_server_ends_with_its_run(tmp_path: Path) -> None:
    coldpress = new_home(tmp_path)
    state = coldpress.home / "state"
    process = start(coldpress)
    wait_until(lambda: server_of(state) is not None, process)
    name = server_of(state)
    process.kill()
    process.wait()
    until = time.monotonic() + 60
    while not processes.is_gone(name):
        assert time.monotonic() < until, "it outlives its run"
        time.sleep(0.1)


def test_the_next_command_stops_an_orphan(state: Path) -> None:
    dead_owner = f"{socket.gethostname()}:1:1.00"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as orphan:
        name = processes.process_identity(psutil.Process(orphan.pid))
        (state / "servers").mkdir()
        (state / "servers" / "1.json").write_text(json.dumps({"owner": dead_owner, "server": name}))
        assert supervisor.stop_orphans() == 1
        assert processes.is_gone(name)
    assert list((state / "servers").iterdir()) == []


def test_after_an_interrupt_no_request_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "7")
    before = PREFECT_CLIENT_MAX_RETRIES.value()

    def retries() -> int:
        session._stop_retrying()
        return int(PREFECT_CLIENT_MAX_RETRIES.value())

    assert contextvars.copy_context().run(retries) == 0
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
    assert PREFECT_CLIENT_MAX_RETRIES.value() == before


@pytest.mark.slow
def test_a_run_succeeds_although_its_server_keeps_dying(tmp_path: Path) -> None:
    """Killed whenever it comes back, from the second stage that trains on."""
    coldpress = new_home(tmp_path)
    state = coldpress.home / "state"
    process = start(coldpress)
    wait_until(partial(holds, state / "mlflow.db", OPEN_STAGE, "distill_student"), process)
    while process.poll() is None:
        with suppress(AssertionError, psutil.Error):
            kill_server(state)
        time.sleep(0.1)
    log = (coldpress.home / "run.log").read_text()
    assert process.returncode == 0, log
    outcome = json.loads((coldpress.home / "ended.json").read_text())
    assert [stage["status"] for stage in outcome["stages"]] == ["ran"] * 7
    assert "coldpress: the run is done but not reported to Prefect (ConnectError: " in log
    assert "Traceback" not in log


@pytest.mark.slow
def test_a_server_that_cannot_start_is_reported_in_one_line(tmp_path: Path) -> None:
    coldpress = new_home(tmp_path)
    (coldpress.home / "state" / "prefect" / "prefect.db").mkdir(parents=True)
    result = coldpress("run", "./tiny.yaml")
    assert result.code == 1
    first, second, last = result.error.splitlines()
    assert first == (
        "coldpress: the embedded Prefect server ended with exit code 3 and is restarted"
    )
    assert second == (
        "coldpress: the embedded Prefect server does not stay up: "
        "this run no longer reports to Prefect"
    )
    assert last.startswith("coldpress: the embedded Prefect server failed: ")
    assert "unable to open database file" in last
