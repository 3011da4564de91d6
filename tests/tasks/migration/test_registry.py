"""Models and runs are the same in another store, under new ids."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from coldpress.errors import CorruptCheckpointError
from tasks.migration.registry import migrate_store
from tasks.promotion import audit
from tasks.tracking import artifacts, curves, history, registry, runs
from tasks.tracking.results import StageResult
from tests.support import foreign_changes
from tests.support.registered_models import named, passed, promote, rollback, version


@pytest.fixture
def source(state: Path, tmp_path: Path) -> str:
    """A store with a pipeline of two stages, three versions of trec, and champion moves."""
    teacher = version(tmp_path, "trec-teacher", "train_teacher", parents="")
    passed(tmp_path, 3)
    for target in ("1", "3"):
        promote(target)
    rollback()
    model = registry.resolve("trec/1")
    result = StageResult(
        stage="export_onnx",
        status="ran",
        model_uri=str(model.source),
        registered="trec/1",
        digest=model.tags["digest"],
        run_id=str(model.run_id),
    )
    run_id = str(model.run_id)
    runs.log_params(run_id, {"opset": 17})
    curves.log_curve(run_id, "loss", [0.5, 0.25])
    runs.set_tags(run_id, {"stage": "export_onnx", "key": "k" * 64})
    teacher_version = registry.resolve("trec-teacher/1")
    parent = StageResult(stage="train_teacher", status="ran", model_uri=str(teacher_version.source))
    runs.log_lineage(run_id, [parent], result.model_uri)
    runs.write_result(run_id, result)
    assert teacher_version.tags["digest"] == teacher
    return f"sqlite:///{state / 'mlflow.db'}"


@pytest.fixture
def target(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path
) -> MlflowClient:
    """An empty store, which the environment names from now on."""
    place = tmp_path / "target"
    place.mkdir()
    shutil.copyfile(empty_store, place / "mlflow.db")
    monkeypatch.setenv("COLDPRESS_HOME", str(place))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place / 'mlflow.db'}")
    return runs.client()


def test_versions_files_aliases_and_audit_are_migrated(source: str, target: MlflowClient) -> None:
    assert migrate_store(source) == ["trec/1", "trec/2", "trec/3", "trec-teacher/1"]
    before = MlflowClient(source, source)
    for name in ("trec/1", "trec/2", "trec/3", "trec-teacher/1"):
        old = before.get_model_version(*name.split("/"))
        new = registry.resolve(name)
        assert new.tags["digest"] == old.tags["digest"]
        assert new.source != old.source
        assert artifacts.is_intact(str(new.source), new.tags["digest"])
        assert str(target.get_run(str(new.run_id)).info.status) == "FINISHED"
    assert named() == ("1", "3")
    tags = ("intent", "who", "from", "to", "previous", "state")
    assert [[t.tags.get(k) for k in tags] for t in audit.all_tickets("trec")] == [
        ["promote", "anna@here", None, "1", None, "done"],
        ["promote", "anna@here", "1", "3", "1", "done"],
        ["rollback", "anna@here", "3", "1", "3", "done"],
    ]


def test_a_run_is_migrated_with_its_metrics_and_lineage(source: str, target: MlflowClient) -> None:
    migrate_store(source)
    model = registry.resolve("trec/1")
    run = target.get_run(str(model.run_id))
    assert run.data.params == {"opset": "17"}
    assert run.data.metrics == {"loss": 0.25, "seconds": 0.0}
    assert [m.value for m in target.get_metric_history(run.info.run_id, "loss")] == [0.5, 0.25]
    teacher = str(registry.resolve("trec-teacher/1").source).removeprefix("models:/")
    assert run.inputs is not None
    assert run.outputs is not None
    assert [m.model_id for m in run.inputs.model_inputs] == [teacher]
    assert [f"models:/{m.model_id}" for m in run.outputs.model_outputs] == [model.source]
    (result,) = history.results_with_key("k" * 64)
    assert (result.model_uri, result.run_id) == (model.source, model.run_id)
    assert result.registered == "trec/1"


def test_non_finite_metrics_are_not_migrated(source: str, target: MlflowClient) -> None:
    """An older store may hold some; MLflow stores infinity as the largest float."""
    before = MlflowClient(source, source)
    run_id = str(before.get_model_version("trec", "1").run_id)
    before.log_metric(run_id, "loss", float("nan"), step=3)
    before.log_metric(run_id, "entropy", float("inf"))
    migrate_store(source)
    new_run_id = str(registry.resolve("trec/1").run_id)
    assert [m.value for m in target.get_metric_history(new_run_id, "loss")] == [0.5, 0.25]
    assert "entropy" not in target.get_run(new_run_id).data.metrics


def test_a_second_migration_changes_nothing(source: str, target: MlflowClient) -> None:
    migrate_store(source)
    ids = [e.experiment_id for e in target.search_experiments()]
    before = len(target.search_runs(ids)), len(target.search_logged_models(ids))
    assert migrate_store(source) == []
    assert (len(target.search_runs(ids)), len(target.search_logged_models(ids))) == before
    assert [t.number for t in audit.all_tickets("trec")] == [1, 2, 3]


def test_an_interrupted_migration_is_completed(
    source: str, target: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "finalize_logged_model", killed)
        with pytest.raises(KeyboardInterrupt):
            migrate_store(source)
    assert len(migrate_store(source)) == 4
    ids = [e.experiment_id for e in target.search_experiments()]
    assert len(target.search_logged_models(ids)) == 4
    assert [r for r in target.search_runs(ids) if r.info.status == "RUNNING"] == []


def test_new_versions_follow_existing_ones(
    source: str, target: MlflowClient, tmp_path: Path
) -> None:
    passed(tmp_path, 1)
    promote("1")
    assert migrate_store(source)[:3] == ["trec/2", "trec/3", "trec/4"]
    assert named() == ("1", "4")  # `previous` was not set in the target, `champion` was
    (result,) = history.results_with_key("k" * 64)
    assert result.registered == "trec/2"
    assert [t.number for t in audit.all_tickets("trec")] == [1]


def test_damaged_files_do_not_become_a_version(
    source: str, target: MlflowClient, state: Path
) -> None:
    before = MlflowClient(source, source)
    model_id = str(before.get_model_version("trec", "2").source).removeprefix("models:/")
    folder = str(before.get_logged_model(model_id).artifact_location).removeprefix("file://")
    (file,) = Path(folder).rglob("model.onnx")
    file.unlink()
    file.write_text("altered")
    with pytest.raises(
        CorruptCheckpointError, match="trec/2: its files are damaged after the copy"
    ):
        migrate_store(source)


def test_more_than_a_hundred_names_are_migrated(
    source: str, target: MlflowClient, state: Path
) -> None:
    for number in range(101):
        statement = "INSERT INTO registered_models (name) VALUES (?)"
        foreign_changes.execute(state, statement, f"a-{number}")
    assert migrate_store(source) == ["trec/1", "trec/2", "trec/3", "trec-teacher/1"]
    assert named() == ("1", "3")


def test_versions_that_cannot_be_migrated_are_logged(
    source: str, target: MlflowClient, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One model was purged, one run deleted, and one version is of another tool."""
    before = MlflowClient(source, source)
    purged = str(before.get_model_version("trec", "1").source).removeprefix("models:/")
    foreign_changes.purge(state, purged)
    before.delete_run(str(before.get_model_version("trec", "3").run_id))
    before.create_model_version("trec", "/srv/models/old")
    assert migrate_store(source) == ["trec/1", "trec/2", "trec-teacher/1"]
    assert [message.partition(":")[0] for message in caplog.messages] == [
        *("trec/1 was not imported", "trec/4 was not imported")
    ]
    assert named() == (None, "2")  # what was 3 is the second now; the champion was purged
    digests = [registry.resolve(f"trec/{n}").tags["digest"] for n in (1, 2)]
    assert digests == [before.get_model_version("trec", n).tags["digest"] for n in ("2", "3")]
    moves = [[t.tags.get(k) for k in ("from", "to")] for t in audit.all_tickets("trec")]
    assert moves == [[None, "0"], ["0", "2"], ["2", "0"]]
    assert migrate_store(source) == []
