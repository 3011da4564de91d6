"""The page of a flow run in Prefect, and links to it from MLflow's runs."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Coldpress

pytestmark = pytest.mark.xdist_group("tiny-run")


def artifacts(coldpress: Coldpress, flow_run_id: str) -> dict[str, tuple[str, str]]:
    """Description and content of each artifact of a flow run, by key or else by description."""
    of_this_run = {"flow_run_id": {"any_": [flow_run_id]}}
    query = {"artifacts": {**of_this_run, "type": {"any_": ["markdown", "table"]}}}
    rows = coldpress.ask_prefect("artifacts/filter", query)
    page = {row["key"] or row["description"]: (row["description"], row["data"]) for row in rows}
    assert len(page) == len(rows)
    return page


def test_the_page_has_link_gate_waterfall_and_report(
    coldpress: Coldpress, tiny_run: dict[str, Any]
) -> None:
    page = artifacts(coldpress, tiny_run["flow_run_id"])
    assert page.keys() == {"The run in MLflow", "gate", "waterfall", "Report on tiny/1"}
    assert page["gate"][0] == "Passed the gate"
    report = page["Report on tiny/1"][1]
    assert report.startswith("**Passed the gate.** ")
    assert "`coldpress report tiny/1`" in report
    run_id = tiny_run["mlflow"]["parent_run_id"]
    assert page["The run in MLflow"][1].startswith(f"run {run_id} in sqlite:")
    rows = {row["model"]: row for row in json.loads(page["waterfall"][1])}
    assert list(rows) == ["teacher", "student", "pruned", "quantized", "onnx"]
    accuracy = tiny_run["evaluation"]["models"]["onnx"]["accuracy"]
    assert rows["onnx"]["accuracy"].startswith(f"{100 * accuracy:.1f} % (")
    assert rows["quantized"]["median latency"] == "not timed"
    assert rows["teacher"]["smaller"] == "1.0x"


def test_a_run_that_reuses_everything_shows_the_same(
    coldpress: Coldpress, tiny_run: dict[str, Any]
) -> None:
    page = artifacts(coldpress, coldpress.run_tiny()["flow_run_id"])
    before = artifacts(coldpress, tiny_run["flow_run_id"])
    assert page["waterfall"] == before["waterfall"]
    assert page["Report on tiny/1"] == before["Report on tiny/1"]


def test_every_model_of_a_run_is_an_asset_with_the_model_that_it_was_made_from(
    coldpress: Coldpress, tiny_run: dict[str, Any]
) -> None:
    query = {
        "event": {"name": ["prefect.asset.materialization.succeeded"]},
        "related": {"id": [f"prefect.flow-run.{tiny_run['flow_run_id']}"]},
    }
    deadline = time.monotonic() + 60  # the server stores events with a delay
    events: list[dict[str, Any]] = []
    while len(events) < 5 and time.monotonic() < deadline:
        events = coldpress.ask_prefect("events/filter", {"filter": query})["events"]
        time.sleep(0.2)
    upstream = {
        event["resource"]["prefect.resource.id"]: [
            related["prefect.resource.id"]
            for related in event["related"]
            if related["prefect.resource.role"] == "asset"
        ]
        for event in events
    }
    assets = "mlflow://models/tiny"
    assert upstream == {
        f"{assets}-teacher": [],
        f"{assets}-student": [f"{assets}-teacher"],
        f"{assets}-pruned": [f"{assets}-student"],
        f"{assets}-quantized": [f"{assets}-pruned"],
        assets: [f"{assets}-quantized"],
    }


def test_every_run_in_mlflow_leads_to_the_flow_run(
    coldpress: Coldpress, tiny_run: dict[str, Any]
) -> None:
    query = """
    SELECT note.value FROM tags AS flow JOIN tags AS note ON flow.run_uuid = note.run_uuid
    WHERE flow.key = 'coldpress.flow_run_id' AND flow.value = ? AND note.key = 'mlflow.note.content'
    """
    with sqlite3.connect(coldpress.home / "state" / "mlflow.db") as database:
        notes = database.execute(query, (tiny_run["flow_run_id"],)).fetchall()
    assert len(notes) == 8
    assert all("Flow run tiny in Prefect" in note for (note,) in notes)


def test_a_failure_names_the_stage_the_reason_and_the_remedy(
    coldpress: Coldpress, tiny_run: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('no *torch* here')")
    words = ("run", "./tiny.yaml", "--set", "seed=9", "--json", "failed.json")
    result = coldpress(*words, also={"PYTHONPATH": str(tmp_path)})
    assert result.code == 1
    assert "train_teacher failed: ImportError: no *torch* here. Retry resumes here" in result.error
    outcome = json.loads((coldpress.home / "failed.json").read_text())
    _, text = artifacts(coldpress, outcome["flow_run_id"])["**train_teacher failed**"]
    assert r"ImportError: no \*torch\* here" in text
    assert "finished stages are reused" in text
