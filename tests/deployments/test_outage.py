"""Runs at once on two workers, whose servers lose their database in the middle: nothing is lost."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from tests.support import command
from tests.support.command import Coldpress
from tests.support.team_servers import Team

pytestmark = pytest.mark.xdist_group("team")

SECONDS = 20
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
STUDENTS = "SELECT run_uuid FROM runs WHERE name = 'distill_student'"
LEFT_OPEN = "SELECT name FROM runs WHERE status = 'RUNNING'"
HALF_MADE = "SELECT name FROM logged_models WHERE status != 2"
STAGES_MADE = """
SELECT key.value FROM tags key JOIN tags status USING (run_uuid)
WHERE key.key = 'coldpress.key' AND status.key = 'coldpress.status' AND status.value = 'ran'
"""
RUNS_OF_CHAINS = """
SELECT tags.value, runs.status FROM runs JOIN tags USING (run_uuid)
WHERE tags.key = 'coldpress.flow_run_id' AND runs.lifecycle_stage = 'active'
"""
VERSIONS = "SELECT name, value FROM model_version_tags WHERE key = 'digest'"
CHAMPION = "SELECT version FROM registered_model_aliases WHERE name = 'tiny' AND alias = 'champion'"
FAILURES = """
SELECT flow_run.id, left(flow_run_state.message, 1000) FROM flow_run
JOIN flow_run_state ON flow_run_state.id = flow_run.state_id WHERE flow_run.state_type = 'FAILED'
"""
AUDIT = """
SELECT state.value, moved.value FROM model_version_tags state
LEFT JOIN model_version_tags moved
  ON moved.name = state.name AND moved.version = state.version AND moved.key = 'to'
WHERE state.name = 'tiny-audit' AND state.key = 'state' ORDER BY state.version
"""


def submit(team: Team, seeds: Sequence[int]) -> list[str]:
    """Start a run of the blank deployment per seed, and return the flow runs' ids."""
    deployments = team.prefect.answer("POST", "deployments/filter", {})
    (blank,) = (flow_run_id["id"] for flow_run_id in deployments if flow_run_id["name"] == "blank")
    recipe = yaml.safe_load(command.RECIPE)
    orders = [{"parameters": {"recipe": {**recipe, "seed": seed}}} for seed in seeds]
    path = f"deployments/{blank}/create_flow_run"
    return [str(team.prefect.answer("POST", path, order)["id"]) for order in orders]


def states(team: Team, ids: Sequence[str]) -> list[str]:
    """What Prefect says of flow runs, in their order."""
    query: dict[str, Any] = {"flow_runs": {"id": {"any_": list(ids)}}}
    flow_runs = team.prefect.answer("POST", "flow_runs/filter", query)
    by_id = {run["id"]: str(run["state_type"]) for run in flow_runs}
    return [by_id[flow_run_id] for flow_run_id in ids]


def within(seconds: float, holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it does not hold in time"
        time.sleep(0.5)


@contextmanager
def outage(team: Team) -> Iterator[None]:
    """Take the database away from both servers for 20 s; the block is within them."""
    team.cluster.stop()
    began = time.monotonic()
    try:
        yield
        time.sleep(max(0.0, SECONDS - (time.monotonic() - began)))
    finally:
        team.cluster.start()


def run_through_an_outage(team: Team, member: Coldpress, seeds: Sequence[int]) -> list[str]:
    """Submit runs, take the database away in the middle, and ask for a promotion meanwhile."""
    students = len(team.cluster.rows("mlflow", STUDENTS))
    target = "1" if team.cluster.rows("mlflow", CHAMPION) == [["2"]] else "2"
    promote = member.command("promote", f"tiny/{target}", "--reason", "asked for in an outage")
    with team.worker("one"), team.worker("two"):
        ids = submit(team, seeds)
        within(300, lambda: len(team.cluster.rows("mlflow", STUDENTS)) > students)
        with outage(team):
            promotion = subprocess.Popen(promote, cwd=member.home, env=member.environment)
        within(900, lambda: set(states(team, ids)) <= ENDED and promotion.poll() is not None)
    assert promotion.returncode == 0
    assert team.cluster.rows("mlflow", CHAMPION) == [[target]]
    return ids


def check(team: Team, ids: Sequence[str]) -> None:
    """Nothing is lost, nothing is there twice, nothing is left open."""
    # Other tests of these servers have runs that are to fail.
    failures = [row for row in team.cluster.rows("prefect", FAILURES) if row[0] in ids]
    assert (states(team, ids), failures) == (["COMPLETED"] * len(ids), [])
    runs = [row for row in team.cluster.rows("mlflow", RUNS_OF_CHAINS) if row[0] in ids]
    # A run for the chain and one a stage.
    assert Counter(map(tuple, runs)) == {(flow_run_id, "FINISHED"): 8 for flow_run_id in ids}
    for twice in (STAGES_MADE, VERSIONS):
        counts = Counter(map(tuple, team.cluster.rows("mlflow", twice)))
        assert set(counts.values()) == {1}
    for query in (LEFT_OPEN, HALF_MADE):
        assert team.cluster.rows("mlflow", query) == []


def check_audit(team: Team) -> None:
    """Each record is closed, and the last one that moved anything explains the champion."""
    records = team.cluster.rows("mlflow", AUDIT)
    promoted = [version for state, version in records if state == "done"]
    assert {state for state, _ in records} <= {"done", "expired"}
    assert [promoted[-1:]] == team.cluster.rows("mlflow", CHAMPION)


def test_an_outage_of_the_database_of_20_seconds_loses_no_record(
    team: Team, member: Coldpress, tiny_run: dict[str, Any]
) -> None:
    versions = len(team.cluster.rows("mlflow", VERSIONS))
    check(team, run_through_an_outage(team, member, [1, 1, 2]))
    check_audit(team)
    # Two orders, each with a teacher, a student, a pruned, a quantized and a deployable model.
    assert len(team.cluster.rows("mlflow", VERSIONS)) == versions + 10


@pytest.mark.slow
def test_ten_runs_at_once_lose_nothing(
    team: Team, member: Coldpress, tiny_run: dict[str, Any]
) -> None:
    versions = len(team.cluster.rows("mlflow", VERSIONS))
    began = time.monotonic()
    check(team, run_through_an_outage(team, member, [11] * 5 + [12, 13, 14, 15, 16]))
    print(f"10 runs took {time.monotonic() - began:.0f} s")  # noqa: T201
    check_audit(team)
    assert len(team.cluster.rows("mlflow", VERSIONS)) == versions + 30
