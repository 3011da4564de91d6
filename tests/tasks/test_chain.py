"""The chain's run: whatever ends it, nothing of it stays open."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from prefect import runtime

from tasks import chain, history, tracking


def test_an_interruption_right_after_a_run_was_opened_leaves_none_open(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the store's commit and the block that closes the run nobody else could."""
    flow_run_id = str(uuid4())
    monkeypatch.setattr(runtime.flow_run, "id", flow_run_id, raising=False)
    tags = {"flow_run_id": flow_run_id, "stage": "prune"}
    with pytest.raises(KeyboardInterrupt), chain._none_left_open():
        tracking.open_run(tracking.experiment("trec"), "prune", tags)
        raise KeyboardInterrupt
    assert [run.info.status for run in history.flow_runs(flow_run_id)] == ["KILLED"]


def test_names_of_the_users_own_become_one_parameter() -> None:
    """MLflow refuses keys with most characters that a label may have."""
    section = {"teacher": {"labels": {"C++": "on"}, "epochs": 0}, "prune": []}
    flat = {"teacher.labels": '{"C++": "on"}', "teacher.epochs": 0, "prune": []}
    assert dict(chain._flat(section)) == flat
