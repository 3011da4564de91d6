import json
import os
from pathlib import Path

import pytest

from coldpress.schema.stages import Stage
from tasks.environment import processes, shard_folders
from tasks.promotion import audit, retention
from tasks.tracking import artifacts, registry, runs
from tasks.tracking.results import StageResult
from tests.support.registered_models import promote, version

DEAD_PROCESS = f"{processes.current_process_identity().rsplit(':', 2)[0]}:1:1.00"


def register_models(place: Path, recipe: str = "trec") -> None:
    """A teacher and what is exported from it."""
    teacher = version(place, f"{recipe}-teacher", "train_teacher")
    version(place, recipe, parents=teacher, gate="passed")


def retention_reasons(keep: int, recipe: str = "trec") -> dict[str, str | None]:
    return {h.name: h.kept for h in retention.plan_collection(keep) if h.name.startswith(recipe)}


def intact(reference: str) -> bool:
    model = registry.resolve(reference)
    return artifacts.is_intact(str(model.source), model.tags["digest"])


@pytest.fixture
def three(state: Path, tmp_path: Path) -> Path:
    """Three versions of each model; the first is in service."""
    for _ in range(3):
        register_models(tmp_path)
    promote("1")
    return tmp_path


def test_aliases_ancestors_and_the_newest_are_kept(three: Path) -> None:
    assert retention_reasons(1) == {
        "trec-teacher/1": "ancestor of trec/1",
        "trec-teacher/2": None,
        "trec-teacher/3": "one of the newest 1",
        "trec/1": "alias champion",
        "trec/2": None,
        "trec/3": "one of the newest 1",
    }
    assert [name for name, reason in retention_reasons(0).items() if reason is None] == [
        *("trec/2", "trec/3", "trec-teacher/2", "trec-teacher/3")
    ]
    assert None not in retention_reasons(3).values()


def test_a_collection_deletes_files_and_keeps_records(three: Path) -> None:
    retention.collect(1, "anna@here")
    assert [intact(f"trec/{n}") for n in (1, 2, 3)] == [True, False, True]
    assert [intact(f"trec-teacher/{n}") for n in (1, 2, 3)] == [True, False, True]
    assert registry.resolve("trec/2").tags["gate"] == "passed"
    ticket = audit.all_tickets("trec")[-1]
    tags = ("intent", "who", "state", "removed")
    assert [ticket.tags[name] for name in tags] == [
        *("collect", "anna@here", "done", "trec/2, trec-teacher/2")
    ]
    assert retention_reasons(0).keys() == {"trec-teacher/1", "trec-teacher/3", "trec/1", "trec/3"}


def test_soft_targets_with_a_non_finite_metric_do_not_disturb(three: Path) -> None:
    """Stored by an older version of Coldpress."""
    run_id = runs.open_run(runs.ensure_experiment("trec"), "soft targets", {})
    plain = {"stage": "generate_soft_targets", "status": "ran"}
    result = {**plain, "metrics": {"entropy_nats": None}, "model_uri": f"runs:/{run_id}/made"}
    runs.set_tags(run_id, {**plain, "result": json.dumps(result)})
    runs.client().set_terminated(run_id)
    assert retention_reasons(1)["trec/2"] is None
    retention.collect(1, "anna@here")
    assert not intact("trec/2")


def test_a_collection_is_no_move(three: Path) -> None:
    retention.collect(1, "anna@here")
    last = audit.last_move("trec")
    assert last is not None
    assert last.moved_to == "1"


def test_deleted_files_can_be_restored(three: Path) -> None:
    uri = str(registry.resolve("trec/2").source)
    retention.collect(1, "anna@here")
    packed = sorted(three.glob("made-*/packed"), key=lambda path: path.stat().st_ctime_ns)[3]
    artifacts.restore_files(uri, packed, registry.resolve("trec/2").tags["digest"])
    assert intact("trec/2")


def test_an_open_run_keeps_all_of_its_recipe(three: Path) -> None:
    run_id = runs.open_run(runs.ensure_experiment("trec"), "trec", {})
    assert retention_reasons(0)["trec-teacher/2"] == "a run of trec is open"
    runs.set_tags(run_id, {"process": DEAD_PROCESS})
    assert retention_reasons(0)["trec-teacher/2"] is None


def test_an_open_run_keeps_models_that_its_stages_reused(three: Path) -> None:
    experiment = runs.ensure_experiment("other")
    flow = {"flow_run_id": "flow-1"}
    runs.open_run(experiment, "other", flow)
    stage = runs.open_run(experiment, "train_teacher", {**flow, "stage": "train_teacher"})
    source = str(registry.resolve("trec-teacher/2").source)
    reused = StageResult(stage="train_teacher", status="reused", model_uri=source)
    runs.write_result(stage, reused)
    runs.client().set_terminated(stage)
    assert retention_reasons(0)["trec-teacher/2"] == "a run of other is open"
    assert retention_reasons(0)["trec-teacher/3"] is None


def test_an_open_stage_keeps_models_with_its_cache_key(three: Path) -> None:
    result = StageResult(
        stage="train_teacher",
        status="ran",
        model_uri=str(registry.resolve("trec-teacher/2").source),
    )
    run_id = runs.open_run(runs.ensure_experiment("trec"), "train_teacher", {"key": "k"})
    runs.write_result(run_id, result)
    runs.client().set_terminated(run_id)
    runs.open_run(runs.ensure_experiment("other"), "train_teacher", {"key": "k"})
    assert retention_reasons(0)["trec-teacher/2"] == "a run of other is open"


def test_a_version_that_is_about_to_be_promoted_is_kept(three: Path) -> None:
    request = audit.Request(model="trec", intent="promote", who="bob", why="x", target="2")
    ticket = audit.enqueue(request)
    assert (retention_reasons(0)["trec/2"], retention_reasons(0)["trec-teacher/2"]) == (
        f"ticket {ticket.number} is open",
        "ancestor of trec/2",
    )


def test_a_model_that_two_recipes_share_stays_while_one_needs_it(three: Path) -> None:
    shared = registry.resolve("trec-teacher/2")
    tags = {"stage": "train_teacher", "digest": shared.tags["digest"]}
    registry.register("other-teacher", str(shared.source), str(shared.run_id), tags)
    version(three, "other", parents=shared.tags["digest"])
    runs.client().set_registered_model_alias("other", "challenger", "1")
    assert retention_reasons(0)["trec-teacher/2"] == "ancestor of other/1"


def store_soft_targets(place: Path, *, digest: str | None = None, parents: tuple[str, ...]) -> str:
    """Store soft targets of five bytes as their stage does, and return their URI."""
    stage: Stage = "generate_soft_targets"
    run_id = runs.open_run(runs.ensure_experiment("trec"), "targets", {"stage": stage})
    (place / "targets").mkdir()
    (place / "targets" / "logits").write_text("1 2 3")
    uri = artifacts.log_checkpoint(run_id, place / "targets", "soft")
    result = StageResult(stage=stage, status="ran", digest=digest, model_uri=uri, parents=parents)
    runs.write_result(run_id, result)
    runs.client().set_terminated(run_id)
    return uri


def test_soft_targets_go_with_their_teacher(three: Path) -> None:
    digest = registry.resolve("trec-teacher/2").tags["digest"]
    uri = store_soft_targets(three, parents=(digest,))
    soft_targets = {h.name: h for h in retention.plan_collection(0)}[
        "soft targets of trec-teacher/2"
    ]
    assert (soft_targets.kept, soft_targets.bytes) == (None, 5)
    retention.collect(0, "anna@here")
    assert artifacts.stored_bytes(uri) == 0


def test_answers_from_files_go_with_the_last_model_made_from_them(three: Path) -> None:
    uri = store_soft_targets(three, digest="answers", parents=())
    for _ in range(2):
        version(three, "trec-student", "distill_student", parents="answers")
    retention.collect(1, "anna@here")
    assert artifacts.stored_bytes(uri) == 5
    kept = {h.name: h.kept for h in retention.plan_collection(1)}
    assert kept["soft targets of trec-student/2"] == "one of the newest 1"
    retention.collect(0, "anna@here")
    assert artifacts.stored_bytes(uri) == 0


def result(stage: Stage, digest: str, *parents: str) -> str:
    """Add a stage run with its result and return its id."""
    run_id = runs.open_run(runs.ensure_experiment("trec"), stage, {"stage": stage})
    stage_result = StageResult(stage=stage, status="ran", digest=digest, parents=parents)
    runs.write_result(run_id, stage_result)
    runs.client().set_terminated(run_id)
    return run_id


@pytest.fixture
def chain(state: Path, tmp_path: Path) -> dict[str, str]:
    """Register teacher, student and export, of which the last is in service; run ids by stage."""
    teacher = version(tmp_path, "trec-teacher", "train_teacher")
    student = version(tmp_path, "trec-student", "distill_student", parents=f"{teacher},soft")
    onnx = version(tmp_path, gate="passed", parents=student)
    version(tmp_path, "trec-teacher", "train_teacher")
    promote("1")
    return {
        "train_teacher": result("train_teacher", teacher),
        "distill_student": result("distill_student", student, teacher, "soft"),
        "export_onnx": result("export_onnx", onnx, student),
    }


EXPECTED_REASONS = {
    "trec-teacher/1": "ancestor of trec/1",
    "trec-teacher/2": None,
    "trec/1": "alias champion",
}


def delete_files(model: str) -> None:
    """Delete only the checkpoint of a model's first version."""
    artifacts.remove_files(str(registry.resolve(f"{model}/1").source))


@pytest.mark.parametrize("deleted", ["version", "model", "tags", "version and files"])
def test_ancestors_stay_when_the_middle_of_the_lineage_was_deleted(
    chain: dict[str, str], deleted: str
) -> None:
    mlflow = runs.client()
    expected = dict(EXPECTED_REASONS)
    if deleted == "model":
        mlflow.delete_registered_model("trec-student")
    elif deleted == "tags":
        mlflow.delete_model_version_tag("trec-student", "1", "parents")
        expected["trec-student/1"] = "ancestor of trec/1"
    else:
        if deleted == "version and files":
            delete_files("trec-student")
        mlflow.delete_model_version("trec-student", "1")
    assert retention_reasons(0) == expected
    retention.collect(0, "anna@here")
    assert intact("trec-teacher/1")
    assert not intact("trec-teacher/2")


@pytest.mark.parametrize("trashed", ["run", "experiment"])
def test_deleted_runs_still_provide_the_lineage(chain: dict[str, str], trashed: str) -> None:
    mlflow = runs.client()
    delete_files("trec-student")
    mlflow.delete_model_version("trec-student", "1")
    if trashed == "run":
        mlflow.delete_run(chain["distill_student"])
    else:
        mlflow.delete_experiment(runs.ensure_experiment("trec"))
    assert retention_reasons(0) == EXPECTED_REASONS


def test_checkpoints_provide_the_lineage_if_all_records_are_gone(
    state: Path, tmp_path: Path
) -> None:
    teacher = version(tmp_path, "trec-teacher", "train_teacher")
    student = version(tmp_path, "trec-student", "distill_student", made_of=teacher)
    version(tmp_path, parents=student)
    version(tmp_path, "trec-teacher", "train_teacher")
    promote("1", forced=True)
    runs.client().delete_model_version("trec-student", "1")
    assert retention_reasons(0) == EXPECTED_REASONS


def test_an_unknown_lineage_keeps_all_possible_ancestors(state: Path, tmp_path: Path) -> None:
    version(tmp_path, "trec-teacher", "train_teacher")
    version(tmp_path, parents="0123456789abcdef")
    version(tmp_path, parents="0123456789abcdef")
    promote("1", forced=True)
    assert retention_reasons(0) == {
        "trec-teacher/1": "may be an ancestor of trec/1: no record of 0123456789ab",
        "trec/1": "alias champion",
        "trec/2": None,
    }


def test_the_tag_with_all_ancestors_needs_no_other_record(state: Path, tmp_path: Path) -> None:
    teacher = version(tmp_path, "trec-teacher", "train_teacher")
    version(tmp_path, "trec-teacher", "train_teacher")
    version(tmp_path, parents="purged", ancestors=f"purged,{teacher}")
    promote("1", forced=True)
    assert retention_reasons(0) == EXPECTED_REASONS


@pytest.mark.parametrize("deleted", [["digest"], ["digest", "parents"]])
def test_a_champion_without_its_digest_keeps_its_ancestors(
    chain: dict[str, str], deleted: list[str]
) -> None:
    for tag in deleted:
        runs.client().delete_model_version_tag("trec", "1", tag)
    assert retention_reasons(0)["trec-teacher/1"] is not None
    assert "trec/1" not in retention_reasons(0)


def test_ancestors_of_a_champion_whose_files_are_gone_stay(chain: dict[str, str]) -> None:
    delete_files("trec")
    assert retention_reasons(0)["trec-teacher/1"] == "ancestor of trec/1"


def test_shards_that_nobody_continues_are_removed(state: Path) -> None:
    """A run that was killed today may continue with its shards; that of last month will not."""
    for key, days in (("today", 0), ("old", 30)):
        shard = shard_folders.shard_folder(key) / "shard"
        shard.write_text("logits")
        for path in (shard, shard.parent):
            changed = path.stat().st_mtime - days * 86_400
            os.utime(path, (changed, changed))
    stored = {files.name: (files.bytes, files.kept) for files in retention.collect(3, "anna@here")}
    assert stored == {
        "unfinished soft targets old": (6, None),
        "unfinished soft targets today": (6, "a run may continue with them for 7 days"),
    }
    assert [folder.name for folder in shard_folders.list_shards()] == ["today"]
