"""Searches by the real command: the choice, its study, kills, and refused input."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.command import RECIPE, Coldpress, new_home

SPACE = """
search:
  distill.learning_rate: [1.0e-4, 1.0e-3]
  prune.0.keep_neurons: [0.25, 0.5]
"""
BUDGET = ("--budget", "p95_ms=1000", "--budget", "retention=1%")
pytestmark = pytest.mark.xdist_group("search")


def search(coldpress: Coldpress, *words: str, budget: tuple[str, ...] = BUDGET) -> dict[str, Any]:
    path = coldpress.home / "outcome.json"
    result = coldpress("search", "./tiny.yaml", "--json", str(path), *budget, *words)
    assert result.code == 0, result.error
    outcome: dict[str, Any] = json.loads(path.read_text())
    return outcome


def query(coldpress: Coldpress, file: str, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(coldpress.home / "state" / file) as database:
        return database.execute(sql).fetchall()


def statuses(coldpress: Coldpress, stage: str) -> Counter[str]:
    """How often a stage ran and was reused, in all runs of the home."""
    rows = query(
        coldpress,
        "mlflow.db",
        "SELECT s.value FROM tags s JOIN tags n ON s.run_uuid = n.run_uuid"
        f" WHERE s.key = 'coldpress.status' AND n.key = 'coldpress.stage' AND n.value = '{stage}'",
    )
    return Counter(status for (status,) in rows)


def trial_states(coldpress: Coldpress) -> Counter[str]:
    """States of the trials that are no repetitions."""
    repeated = "SELECT trial_id FROM trial_user_attributes WHERE key = 'repeats'"
    rows = query(
        coldpress, "studies.db", f"SELECT state FROM trials WHERE trial_id NOT IN ({repeated})"
    )
    return Counter(state for (state,) in rows)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Coldpress, dict[str, Any]]:
    """A home after a search of four trials."""
    coldpress = new_home(tmp_path_factory.mktemp("searched"), RECIPE + SPACE)
    return coldpress, search(coldpress, "--trials", "4")


def test_the_chosen_model_is_registered_under_the_recipes_name(
    searched: tuple[Coldpress, dict[str, Any]],
) -> None:
    coldpress, outcome = searched
    assert outcome["search"]["finished"] == 4
    assert outcome["gate"]["passed"]
    assert [stage["registered"] for stage in outcome["stages"]][5] == "tiny/1"
    names = query(coldpress, "mlflow.db", "SELECT name, alias FROM registered_model_aliases")
    assert names == [("tiny", "challenger")]


def test_trials_share_teacher_and_soft_targets(
    searched: tuple[Coldpress, dict[str, Any]],
) -> None:
    coldpress, outcome = searched
    assert statuses(coldpress, "train_teacher")["ran"] == 1
    assert statuses(coldpress, "generate_soft_targets")["ran"] == 1
    assert statuses(coldpress, "distill_student")["ran"] == 2
    stages = outcome["search"]["stages"]
    assert stages["reused"] >= (stages["ran"] + stages["reused"]) / 3


def test_the_test_split_is_opened_for_the_front_and_the_chosen_model(
    searched: tuple[Coldpress, dict[str, Any]],
) -> None:
    coldpress, outcome = searched
    assert statuses(coldpress, "evaluate") == Counter(ran=1)
    assert outcome["stages"][-1]["metrics"]["test_openings"] == 2


def test_the_front_is_recorded_with_links_to_its_trials(
    searched: tuple[Coldpress, dict[str, Any]],
) -> None:
    coldpress, outcome = searched
    (table,) = (coldpress.home / "state" / "artifacts").rglob("front.json")
    content = json.loads(table.read_text())
    rows = [dict(zip(content["columns"], row, strict=True)) for row in content["data"]]
    points = [(row["score"], row["p95_ms"]) for row in rows]
    assert points == sorted(points, key=lambda point: point[1])
    assert points == sorted(points, key=lambda point: point[0])
    assert all(len(row["run"]) == 32 for row in rows)
    assert all(row["test_low"] < row["test_score"] < row["test_high"] for row in rows)
    (chosen,) = (row for row in rows if row["trial"] == outcome["search"]["trial"])
    onnx = outcome["stages"][-1]["metrics"]
    assert chosen["test_score"] == pytest.approx(onnx["accuracy"], abs=1e-4)
    assert {file.name for file in table.parent.iterdir()} >= {"front.png", "front.html"}


def test_a_repeated_search_runs_no_trial(searched: tuple[Coldpress, dict[str, Any]]) -> None:
    coldpress, first = searched
    before = statuses(coldpress, "prune")
    second = search(coldpress, "--trials", "4")
    assert second["search"]["trial"] == first["search"]["trial"]
    assert statuses(coldpress, "prune") - before == Counter(reused=1)
    assert statuses(coldpress, "evaluate")["ran"] == 1
    assert second["stages"][-1]["metrics"]["test_openings"] == 2


def test_a_budget_that_nothing_meets_names_the_nearest_model(
    searched: tuple[Coldpress, dict[str, Any]],
) -> None:
    coldpress, _ = searched
    budget = ("--budget", "p95_ms=1e-6", "--budget", "retention=1%")
    result = coldpress("search", "./tiny.yaml", "--trials", "4", *budget)
    assert result.code == 2
    assert "no model meets it; the nearest, trial" in result.error
    assert "misses p95_ms by" in result.error
    versions = query(coldpress, "mlflow.db", "SELECT version FROM model_versions WHERE name='tiny'")
    assert versions == [(1,)]


def test_timings_are_kept_if_a_model_is_within_the_budget(
    searched: tuple[Coldpress, dict[str, Any]],
) -> None:
    """Otherwise the same search would miss its budget again on a quieter machine."""
    coldpress, _ = searched
    rows = "study_user_attributes WHERE key='timings'"
    with sqlite3.connect(coldpress.home / "state" / "studies.db") as connection:
        connection.execute(f"DELETE FROM {rows}")
    budget = ("--budget", "p95_ms=1e-6", "--budget", "retention=1%")
    assert coldpress("search", "./tiny.yaml", "--trials", "4", *budget).code == 2
    assert query(coldpress, "studies.db", f"SELECT key FROM {rows}") == []
    search(coldpress, "--trials", "4")
    assert query(coldpress, "studies.db", f"SELECT key FROM {rows}") == [("timings",)]


def test_a_search_whose_students_are_all_poor_says_so(
    searched: tuple[Coldpress, dict[str, Any]],
) -> None:
    coldpress, _ = searched
    budget = ("--budget", "p95_ms=1000", "--budget", "score=100%")
    words = (
        "--trials",
        "1",
        "--set",
        "search={seed: [7]}",
        "--set",
        "distill.learning_rate=1.0e-6",
    )
    result = coldpress("search", "./tiny.yaml", *words, *budget)
    assert result.code == 2
    assert "search: no trial has a model" in result.error
    assert "the student's validation score is" in result.error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", "search={distill.layers: [1]}"), "search.distill.layers: 1: distill.layers"),
        (("--set", "search.seed={low: 3, high: 1}"), "high must be larger"),
        (("--trials", "0"), "--trials: must be at least 1"),
        (("--budget", "weight=3"), "--budget weight=3: expected NAME=VALUE"),
    ],
)
def test_wrong_input_is_refused_before_anything_runs(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    coldpress = new_home(tmp_path, RECIPE + SPACE)
    result = coldpress("search", "./tiny.yaml", *BUDGET, *words)
    assert (result.code, len(result.error.splitlines())) == (2, 1)
    assert message in result.error
    assert not (tmp_path / "state" / "mlflow.db").exists()


def test_a_server_without_the_deployment_is_refused(
    tmp_path: Path, shared_server: dict[str, str]
) -> None:
    coldpress = new_home(tmp_path, RECIPE + SPACE, shared_server)
    result = coldpress("search", "./tiny.yaml", "--trials", "1", *BUDGET)
    assert result.code == 2
    assert "PREFECT_API_URL: the server has no deployment trial/trial" in result.error


def start_search(coldpress: Coldpress) -> subprocess.Popen[bytes]:
    words = ("search", "./tiny.yaml", "--trials", "4", *BUDGET)
    with (coldpress.home / "search.log").open("ab") as log:
        return subprocess.Popen(
            coldpress.command(*words),
            cwd=coldpress.home,
            env=coldpress.environment,
            stdout=log,
            stderr=log,
        )


def wait_for(condition: Any, seconds: float = 240) -> None:  # noqa: ANN401
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.2)


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    children = psutil.Process(process.pid).children()
    return [child for child in children if "flows.flow_pool.worker" in child.cmdline()]


def finished(coldpress: Coldpress) -> int:
    try:
        return trial_states(coldpress)["COMPLETE"]
    except sqlite3.OperationalError:  # not created yet
        return 0


def test_a_killed_search_goes_on_with_its_trials(tmp_path: Path) -> None:
    coldpress = new_home(tmp_path, RECIPE + SPACE)
    process = start_search(coldpress)
    wait_for(lambda: finished(coldpress) >= 1)
    workers = workers_of(process)
    process.kill()
    process.wait()
    wait_for(lambda: not any(worker.is_running() for worker in workers), 60)

    outcome = search(coldpress, "--trials", "4")
    assert outcome["search"]["finished"] == 4
    assert trial_states(coldpress) == Counter(COMPLETE=4)
    assert query(coldpress, "mlflow.db", "SELECT name FROM runs WHERE status='RUNNING'") == []


def test_the_trial_of_a_killed_worker_is_run_again(tmp_path: Path) -> None:
    coldpress = new_home(tmp_path, RECIPE + SPACE)
    process = start_search(coldpress)
    wait_for(lambda: finished(coldpress) >= 1)
    os.kill(workers_of(process)[0].pid, signal.SIGKILL)
    assert process.wait(300) == 0, (coldpress.home / "search.log").read_text()
    assert trial_states(coldpress) == Counter(COMPLETE=4)
    assert "is run again: its process ended with code -9" in (tmp_path / "search.log").read_text()
