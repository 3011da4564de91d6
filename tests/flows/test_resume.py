"""SIGKILL in any stage: the next run redoes at most that stage and ends where it would have."""

import json
import signal
import sqlite3
from pathlib import Path
from typing import Any

import psutil
import pytest

from coldpress.schema.stages import STAGES, Stage
from tests.support.command import new_home
from tests.support.killed_run import end_in

IN_EVERY_RUN = ("train_teacher", "prune", "export_onnx")
UNTIMED = ("accuracy", "macro_f1", "agreement", "bytes", "parameters", "per_class", "retention")


def stages_to_kill() -> list[Any]:
    slow = pytest.mark.slow
    return [s if s in IN_EVERY_RUN else pytest.param(s, marks=slow) for s in STAGES]


def untimed(outcome: dict[str, Any]) -> list[list[object]]:
    cards = outcome["evaluation"]["models"].values()
    return [[card[name] for name in UNTIMED] for card in cards]


pytestmark = pytest.mark.xdist_group("tiny-run")


@pytest.mark.parametrize("stage", stages_to_kill())
def test_a_killed_run_is_resumed_at_the_interrupted_stage(
    tiny_run: dict[str, Any], tmp_path: Path, stage: Stage
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
