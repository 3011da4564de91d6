"""A tracking server that completes requests but whose responses are lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from coldpress.errors import InputError
from tasks.environment import credentials
from tasks.promotion import audit
from tasks.promotion.audit import Request
from tasks.tracking import artifacts, registry, runs
from tasks.tracking.results import StageResult
from tests.support import losing_server, registered_models
from tests.support.losing_server import LosingServer

pytestmark = pytest.mark.xdist_group("losing")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[LosingServer]:
    folder = tmp_path_factory.mktemp("losing")
    shutil.copyfile(empty_store, folder / "mlflow.db")
    with losing_server.running(folder) as server:
        yield server


@pytest.fixture
def server(
    running: LosingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LosingServer]:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", running.address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")
    monkeypatch.setenv("COLDPRESS_HOME", str(tmp_path / "home"))
    yield running
    assert running.to_lose() == "", "this test lost nothing"


def test_a_run_is_opened_once(server: LosingServer) -> None:
    server.lose("experiments/create", "runs/create")
    experiment = runs.ensure_experiment("runs")
    run_id = runs.open_run(experiment, "prune", {"key": "k"})
    open_runs = runs.client().search_runs([experiment], "attributes.status = 'RUNNING'")
    assert [run.info.run_id for run in open_runs] == [run_id]


def test_a_model_becomes_one_version(server: LosingServer, tmp_path: Path) -> None:
    server.lose("registered-models/create", "model-versions/create")
    digest = registered_models.version(tmp_path, "once")
    versions = runs.client().search_model_versions("name = 'once'")
    assert [(v.version, v.tags["digest"]) for v in versions] == [("1", digest)]


def test_no_incomplete_model_is_left(server: LosingServer, tmp_path: Path) -> None:
    server.lose("logged-models")
    registered_models.version(tmp_path, "whole")
    experiment = runs.ensure_experiment("trec")
    models = runs.client().search_logged_models([experiment], "name = 'whole'")
    assert [str(model.status) for model in models] == ["READY"]


def test_a_model_is_linked_to_its_run_once(server: LosingServer) -> None:
    server.lose("runs/log-inputs", "runs/outputs")
    experiment = runs.ensure_experiment("links")
    mlflow = runs.client()
    run_id = runs.open_run(experiment, "prune", {})
    before, after = (mlflow.create_logged_model(experiment).model_id for _ in "ab")
    source = StageResult(stage="distill_student", status="ran", model_uri=f"models:/{before}")
    runs.log_lineage(run_id, [source], f"models:/{after}")
    run = mlflow.get_run(run_id)
    assert run.inputs is not None
    assert run.outputs is not None
    assert [model.model_id for model in run.inputs.model_inputs] == [before]
    assert [model.model_id for model in run.outputs.model_outputs] == [after]


def test_the_duplicate_of_a_ticket_expires(server: LosingServer, tmp_path: Path) -> None:
    registered_models.version(tmp_path, "moved")
    registry.ensure_registered_model("moved-audit")
    server.lose("model-versions/create")
    request = Request(model="moved", intent="promote", who="anna", why="better", target="1")
    ticket = audit.enqueue(request)
    assert [t.number for t in audit.open_tickets("moved")] == [ticket.number]
    assert [t.state for t in audit.all_tickets("moved")] == ["expired", "open"]


def test_an_outage_is_not_reported_as_missing_files(
    server: LosingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = registered_models.version(tmp_path, "fetched")
    uri = str(registry.resolve("fetched/1").source)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    server.lose("model.onnx")
    with pytest.raises(MlflowException, match="503"):
        artifacts.is_intact(uri, digest)
    assert artifacts.is_intact(uri, digest)
    artifacts.remove_files(uri)
    assert not artifacts.is_intact(uri, digest)


def test_an_outage_is_not_reported_as_a_missing_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("COLDPRESS_HOME", str(tmp_path))
    monkeypatch.setattr(credentials, "CONNECT_TIMEOUT", 0.1)
    with pytest.raises(InputError, match=r"nothing answers at http://127\.0\.0\.1:9"):
        registry.resolve("trec/1")
