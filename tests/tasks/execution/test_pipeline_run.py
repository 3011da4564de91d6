"""The parent run of a pipeline run: no run is left open, however it ends."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from prefect import runtime

from tasks.execution import pipeline_run
from tasks.tracking import history, runs


def test_an_interruption_right_after_a_run_was_opened_leaves_none_open(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the store's commit and the block that closes the run, nothing else would."""
    flow_run_id = str(uuid4())
    monkeypatch.setattr(runtime.flow_run, "id", flow_run_id, raising=False)
    tags = {"flow_run_id": flow_run_id, "stage": "prune"}
    with pytest.raises(KeyboardInterrupt), pipeline_run._close_interrupted_runs():
        runs.open_run(runs.ensure_experiment("trec"), "prune", tags)
        raise KeyboardInterrupt
    assert [run.info.status for run in history.runs_of_flow_run(flow_run_id)] == ["KILLED"]


def test_user_defined_names_become_one_parameter() -> None:
    """MLflow refuses keys with many characters that labels may have."""
    section = {"teacher": {"labels": {"C++": "on"}, "epochs": 0}, "prune": []}
    flat = {"teacher.labels": '{"C++": "on"}', "teacher.epochs": 0, "prune": []}
    assert dict(pipeline_run._flatten(section)) == flat
