"""SIGKILL in any stage: the next run redoes at most that stage and ends where it would have."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from coldpress.schema.stages import STAGES
from tests.support.command import Coldpress, new_home

IN_EVERY_RUN = ("train_teacher", "prune", "export_onnx")
OPEN_STAGE = """
SELECT 1 FROM runs JOIN tags ON runs.run_uuid = tags.run_uuid
WHERE tags.key = 'coldpress.stage' AND tags.value = ? AND runs.status = 'RUNNING'
"""
REPORT = ("--json", "ended.json")
# What a shell starts in the background ignores Ctrl-C, and the tests may be such a thing.
FOREGROUND = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
UNTIMED = ("accuracy", "macro_f1", "agreement", "bytes", "parameters", "per_class", "retention")


def stages_to_kill() -> list[Any]:
    slow = pytest.mark.slow
    return [s if s in IN_EVERY_RUN else pytest.param(s, marks=slow) for s in STAGES]


def wait_for(database: Path, stage: str, process: subprocess.Popen[bytes]) -> None:
    """Return at the moment that a stage's run is open."""
    deadline = time.monotonic() + 120
    uri = f"file:{database}?mode=ro"
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the run ended before {stage}"
        # The database or its tables may not be there yet, or be locked for an instant.
        with suppress(sqlite3.OperationalError), sqlite3.connect(uri, uri=True) as reader:
            if reader.execute(OPEN_STAGE, (stage,)).fetchone():
                return
        time.sleep(0.005)
    raise TimeoutError(stage)


def end_in(coldpress: Coldpress, stage: str, number: signal.Signals, *, group: bool = False) -> int:
    """Send a signal in a stage: to the process alone, or as a terminal does, and impatiently."""
    with (coldpress.home / "killed.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", FOREGROUND, *coldpress.command("run", "./tiny.yaml", *REPORT)],
            cwd=coldpress.home,
            env=coldpress.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        wait_for(coldpress.home / "state" / "mlflow.db", stage, process)
        if group:
            os.killpg(process.pid, number)
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        return process.wait(60)


def untimed(outcome: dict[str, Any]) -> list[list[object]]:
    cards = outcome["evaluation"]["models"].values()
    return [[card[name] for name in UNTIMED] for card in cards]


pytestmark = pytest.mark.xdist_group("tiny-run")


@pytest.mark.parametrize("stage", stages_to_kill())
def test_a_killed_run_is_resumed_at_the_interrupted_stage(
    tiny_run: dict[str, Any], tmp_path: Path, stage: str
) -> None:
    coldpress = new_home(tmp_path)
    end_in(coldpress, stage, signal.SIGKILL)
    servers = [p for p in psutil.process_iter(["cmdline"]) if _serves(p, tmp_path)]
    resumed = coldpress.run_tiny()

    before = STAGES.index(stage)
    statuses = [s["status"] for s in resumed["stages"]]
    assert statuses[:before] == ["reused"] * before
    assert statuses[before + 1 :] == ["ran"] * (6 - before)
    same = [s["digest"] for s in resumed["stages"]][:6]
    assert same == [s["digest"] for s in tiny_run["stages"]][:6]
    assert untimed(resumed) == untimed(tiny_run)
    assert all(s["registered"] in {None, p["registered"]} for s, p in _pairs(resumed, tiny_run))
    assert not any(process.is_running() for process in servers), "the killed run's server lives on"
    with sqlite3.connect(coldpress.home / "state" / "mlflow.db") as database:
        assert database.execute("SELECT name FROM runs WHERE status = 'RUNNING'").fetchall() == []


@pytest.mark.parametrize(
    ("number", "group"), [(signal.SIGTERM, False), (signal.SIGINT, True)], ids=["alone", "group"]
)
def test_an_interrupted_run_reports_its_finished_stages(
    tmp_path: Path, number: signal.Signals, group: bool
) -> None:
    coldpress = new_home(tmp_path)
    assert end_in(coldpress, "prune", number, group=group) == 128 + number
    assert (coldpress.home / "killed.log").read_text() == "coldpress: interrupted\n"
    outcome = json.loads((coldpress.home / "ended.json").read_text())
    statuses = [stage["status"] for stage in outcome["stages"]]
    assert statuses == ["ran"] * 3 + ["failed"] + ["skipped"] * 3
    assert list((coldpress.home / "state" / "servers").iterdir()) == []
    with sqlite3.connect(coldpress.home / "state" / "mlflow.db") as database:
        assert set(
            database.execute("SELECT name, status FROM runs WHERE status != 'FINISHED'")
        ) == {
            ("tiny", "KILLED"),
            ("prune", "KILLED"),
        }


def _pairs(first: dict[str, Any], second: dict[str, Any]) -> list[tuple[Any, Any]]:
    return list(zip(first["stages"], second["stages"], strict=True))


def _serves(process: psutil.Process, home: Path) -> bool:
    """Whether a process is the Prefect server of a home."""
    try:
        of_this_home = process.environ().get("COLDPRESS_HOME") == str(home / "state")
        return of_this_home and "uvicorn" in " ".join(process.cmdline())
    except psutil.Error:
        return False
