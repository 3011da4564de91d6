"""Lineage trees with records that were deleted in MLflow or made by another tool."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.entities import Dataset, DatasetInput, InputTag

from coldpress.schema.lineage import Ancestor
from flows.cli.listing import lineage_tree
from tasks.promotion import lineage
from tasks.tracking import registry, runs
from tasks.tracking.results import StageResult
from tests.support import foreign_changes
from tests.support.registered_models import version

DELETED = "its run or its model was deleted in MLflow"


@pytest.fixture
def pipeline(state: Path, tmp_path: Path) -> Path:
    """A teacher trained on a dataset, and a model exported from it, with their runs."""
    parent = runs.open_run(runs.ensure_experiment("trec"), "trec", {})
    rows = Dataset("trec", "d" * 8, "files", "{}")
    runs.client().log_inputs(parent, datasets=[DatasetInput(rows, [InputTag("digest", "d" * 64)])])
    version(tmp_path, "trec-teacher", "train_teacher")
    version(tmp_path, "trec", "export_onnx", gate="passed")
    teacher = record("trec-teacher/1", parent)
    runs.log_lineage(run_of("trec/1"), [teacher], None)
    record("trec/1", parent)
    return state


def record(reference: str, parent: str) -> StageResult:
    """Complete the run that made a version, as its stage does."""
    version_record = registry.resolve(reference)
    result = StageResult.model_validate(
        {
            "stage": version_record.tags["stage"],
            "status": "ran",
            "model_uri": str(version_record.source),
            "registered": reference,
            "digest": version_record.tags["digest"],
        }
    )
    runs.set_tags(str(version_record.run_id), {"stage": version_record.tags["stage"]})
    runs.client().set_tag(str(version_record.run_id), "mlflow.parentRunId", parent)
    runs.write_result(str(version_record.run_id), result)
    return result


def run_of(reference: str) -> str:
    return str(registry.resolve(reference).run_id)


def purge_run(state: Path, run_id: str) -> None:
    """Purge a run as `mlflow gc` does; the models that it made remain."""
    runs.client().delete_run(run_id)
    for table in ("metrics", "params", "tags", "latest_metrics"):
        foreign_changes.execute(state, f"DELETE FROM {table} WHERE run_uuid = ?", run_id)
    foreign_changes.execute(state, "DELETE FROM runs WHERE run_uuid = ?", run_id)


def nodes(node: Ancestor) -> list[tuple[str, str, str | None]]:
    return [(ancestor.stage, ancestor.name, ancestor.missing) for ancestor in node.walk()]


def test_a_complete_record_has_no_gap(pipeline: Path) -> None:
    assert nodes(lineage.trace("trec/1")) == [
        ("export_onnx", "trec/1", None),
        ("train_teacher", "trec-teacher/1", None),
        ("dataset", "trec", None),
    ]


def test_runs_in_the_trash_are_still_on_record(pipeline: Path) -> None:
    for reference in ("trec/1", "trec-teacher/1"):
        runs.client().delete_run(run_of(reference))
    assert [missing for *_, missing in nodes(lineage.trace("trec/1"))] == [None, None, None]


def test_the_tree_ends_at_a_purged_run_with_a_note(pipeline: Path) -> None:
    purge_run(pipeline, run_of("trec-teacher/1"))
    tree = lineage.trace("trec/1")
    digest = registry.resolve("trec-teacher/1").tags["digest"]
    assert nodes(tree)[1:] == [("train_teacher", "trec-teacher/1", DELETED)]
    assert tree.parents[0].digest == digest
    (below,) = lineage_tree(tree).children
    assert str(below.label).splitlines()[-1] == f"the record ends here: {DELETED}"


def test_the_tree_ends_at_a_model_whose_run_was_purged(pipeline: Path) -> None:
    purge_run(pipeline, run_of("trec/1"))
    assert nodes(lineage.trace("trec/1")) == [("export_onnx", "trec/1", DELETED)]


@pytest.mark.parametrize("purged", [True, False])
def test_the_tree_ends_at_a_deleted_model(pipeline: Path, purged: bool) -> None:
    model_id = str(registry.resolve("trec-teacher/1").source).removeprefix("models:/")
    if purged:
        foreign_changes.purge(pipeline, model_id)
    else:
        runs.client().delete_logged_model(model_id)
    assert nodes(lineage.trace("trec/1"))[1:] == [("train_teacher", "trec-teacher/1", DELETED)]


def test_the_tree_ends_at_a_model_whose_version_was_deleted_too(pipeline: Path) -> None:
    model_id = str(registry.resolve("trec-teacher/1").source).removeprefix("models:/")
    foreign_changes.purge(pipeline, model_id)
    runs.client().delete_registered_model("trec-teacher")
    assert nodes(lineage.trace("trec/1"))[1:] == [("unknown", model_id, DELETED)]


def test_the_tree_ends_at_a_dataset_whose_pipeline_run_was_purged(pipeline: Path) -> None:
    parent = runs.client().get_run(run_of("trec/1")).data.tags["mlflow.parentRunId"]
    purge_run(pipeline, parent)
    assert nodes(lineage.trace("trec/1"))[2:] == [("dataset", "unknown", DELETED)]


def test_a_run_without_a_stage_belongs_to_another_tool(pipeline: Path) -> None:
    runs.client().delete_tag(run_of("trec-teacher/1"), "coldpress.stage")
    (below,) = lineage.trace("trec/1").parents
    assert below.missing == "it was made by a run of another tool"


def test_a_reassigned_version_number_is_not_shown(pipeline: Path, tmp_path: Path) -> None:
    model_id = str(registry.resolve("trec-teacher/1").source).removeprefix("models:/")
    runs.client().delete_registered_model("trec-teacher")
    assert lineage.trace("trec/1").parents[0].name == "trec-teacher/1"
    version(tmp_path, "trec-teacher", "train_teacher")
    assert lineage.trace("trec/1").parents[0].name == model_id
