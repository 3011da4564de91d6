"""What a tree shows where records were deleted in MLflow, or are nobody's of Coldpress's."""

from __future__ import annotations

from pathlib import Path

import foreign
import pytest
from mlflow.entities import Dataset, DatasetInput, InputTag
from registered import version

from coldpress.schema.lineage import Ancestor
from flows.cli.listing import lineage_tree
from tasks.promotion import lineage
from tasks.tracking import registry, runs
from tasks.tracking.results import StageResult

DELETED = "its run or its model was deleted in MLflow"


@pytest.fixture
def chain(state: Path, tmp_path: Path) -> Path:
    """A teacher trained on a dataset, and the model exported from it, with their runs."""
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
    known = registry.resolve(reference)
    result = StageResult.model_validate(
        {
            "stage": known.tags["stage"],
            "status": "ran",
            "model_uri": str(known.source),
            "registered": reference,
            "digest": known.tags["digest"],
        }
    )
    runs.set_tags(str(known.run_id), {"stage": known.tags["stage"]})
    runs.client().set_tag(str(known.run_id), "mlflow.parentRunId", parent)
    runs.write_result(str(known.run_id), result)
    return result


def run_of(reference: str) -> str:
    return str(registry.resolve(reference).run_id)


def purge_run(state: Path, run_id: str) -> None:
    """As `mlflow gc` does it: the models that the run made stay."""
    runs.client().delete_run(run_id)
    for table in ("metrics", "params", "tags", "latest_metrics"):
        foreign.execute(state, f"DELETE FROM {table} WHERE run_uuid = ?", run_id)
    foreign.execute(state, "DELETE FROM runs WHERE run_uuid = ?", run_id)


def seen(node: Ancestor) -> list[tuple[str, str, str | None]]:
    return [(one.stage, one.name, one.missing) for one in node.walk()]


def test_a_whole_record_has_no_gap(chain: Path) -> None:
    assert seen(lineage.trace("trec/1")) == [
        ("export_onnx", "trec/1", None),
        ("train_teacher", "trec-teacher/1", None),
        ("dataset", "trec", None),
    ]


def test_runs_in_the_trash_are_still_on_record(chain: Path) -> None:
    for reference in ("trec/1", "trec-teacher/1"):
        runs.client().delete_run(run_of(reference))
    assert [missing for *_, missing in seen(lineage.trace("trec/1"))] == [None, None, None]


def test_the_tree_ends_at_a_run_that_was_purged_and_says_so(chain: Path) -> None:
    purge_run(chain, run_of("trec-teacher/1"))
    tree = lineage.trace("trec/1")
    digest = registry.resolve("trec-teacher/1").tags["digest"]
    assert seen(tree)[1:] == [("train_teacher", "trec-teacher/1", DELETED)]
    assert tree.parents[0].digest == digest
    (below,) = lineage_tree(tree).children
    assert str(below.label).splitlines()[-1] == f"the record ends here: {DELETED}"


def test_or_at_the_model_itself(chain: Path) -> None:
    purge_run(chain, run_of("trec/1"))
    assert seen(lineage.trace("trec/1")) == [("export_onnx", "trec/1", DELETED)]


@pytest.mark.parametrize("purged", [True, False])
def test_or_at_a_model_that_was_deleted(chain: Path, purged: bool) -> None:
    model_id = str(registry.resolve("trec-teacher/1").source).removeprefix("models:/")
    if purged:
        foreign.purge(chain, model_id)
    else:
        runs.client().delete_logged_model(model_id)
    assert seen(lineage.trace("trec/1"))[1:] == [("train_teacher", "trec-teacher/1", DELETED)]


def test_or_at_a_version_of_it_that_was_deleted_too(chain: Path) -> None:
    model_id = str(registry.resolve("trec-teacher/1").source).removeprefix("models:/")
    foreign.purge(chain, model_id)
    runs.client().delete_registered_model("trec-teacher")
    assert seen(lineage.trace("trec/1"))[1:] == [("unknown", model_id, DELETED)]


def test_or_at_the_dataset_whose_chain_was_purged(chain: Path) -> None:
    parent = runs.client().get_run(run_of("trec/1")).data.tags["mlflow.parentRunId"]
    purge_run(chain, parent)
    assert seen(lineage.trace("trec/1"))[2:] == [("dataset", "unknown", DELETED)]


def test_a_run_without_a_stage_is_not_coldpress_s(chain: Path) -> None:
    runs.client().delete_tag(run_of("trec-teacher/1"), "coldpress.stage")
    (below,) = lineage.trace("trec/1").parents
    assert below.missing == "a run that is not Coldpress's made it"


def test_a_number_that_another_version_has_by_now_is_not_shown(chain: Path, tmp_path: Path) -> None:
    model_id = str(registry.resolve("trec-teacher/1").source).removeprefix("models:/")
    runs.client().delete_registered_model("trec-teacher")
    assert lineage.trace("trec/1").parents[0].name == "trec-teacher/1"
    version(tmp_path, "trec-teacher", "train_teacher")
    assert lineage.trace("trec/1").parents[0].name == model_id
