"""Flow runs in local processes: their events, and input that is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.flow_pool.jobs import Ended, Job, Started
from flows.flow_pool.local_processes import LocalProcesses
from tests.support.command import RECIPE


@pytest.fixture
def pool(
    shared_server: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LocalProcesses]:
    monkeypatch.setenv("COLDPRESS_HOME", str(tmp_path / "state"))
    pool = LocalProcesses(2, shared_server["PREFECT_API_URL"])
    yield pool
    pool.close()


def job(number: int, train: Path) -> Job:
    recipe: dict[str, Any] = yaml.safe_load(RECIPE)
    files = {"origin": "files", "train": str(train), "test": str(train)}
    recipe["benchmark"]["source"] = files
    return Job(number, "compress", {"recipe": recipe})


def test_refused_input_is_reported_with_its_message(pool: LocalProcesses, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    for number in (1, 2):
        pool.submit(job(number, path))
    events = [pool.wait() for _ in range(4)]
    started = {event.job.number: event for event in events if isinstance(event, Started)}
    ended = {event.job.number: event for event in events if isinstance(event, Ended)}
    assert set(started) == set(ended) == {1, 2}
    for number, event in ended.items():
        assert event.outcome == "invalid"
        assert event.flow_run_id == started[number].flow_run_id
        assert str(path) in event.message


def test_a_process_runs_one_job_after_another(pool: LocalProcesses, tmp_path: Path) -> None:
    for number in (1, 2):
        pool.submit(job(number, tmp_path / "train.jsonl"))
        assert isinstance(pool.wait(), Started)
        event = pool.wait()
        assert isinstance(event, Ended)
        assert event.job.number == number
    assert len(pool._workers) == 1
