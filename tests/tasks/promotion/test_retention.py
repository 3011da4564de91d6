import json
from pathlib import Path

import pytest
from registered import promote, version

from coldpress.schema.stages import Stage
from tasks.environment import processes
from tasks.promotion import audit, retention
from tasks.tracking import artifacts, registry, runs
from tasks.tracking.results import StageResult

GONE = f"{processes.current_process_identity().rsplit(':', 2)[0]}:1:1.00"


def press(place: Path, recipe: str = "trec") -> None:
    """A teacher and what is exported from it."""
    teacher = version(place, f"{recipe}-teacher", "train_teacher")
    version(place, recipe, parents=teacher, gate="passed")


def fates(keep: int, recipe: str = "trec") -> dict[str, str | None]:
    return {h.name: h.kept for h in retention.plan_collection(keep) if h.name.startswith(recipe)}


def intact(reference: str) -> bool:
    known = registry.resolve(reference)
    return artifacts.is_intact(str(known.source), known.tags["digest"])


@pytest.fixture
def three(state: Path, tmp_path: Path) -> Path:
    """Pressed three times; the first is in service."""
    for _ in range(3):
        press(tmp_path)
    promote("1")
    return tmp_path


def test_aliases_ancestors_and_the_newest_are_kept(three: Path) -> None:
    assert fates(1) == {
        "trec-teacher/1": "ancestor of trec/1",
        "trec-teacher/2": None,
        "trec-teacher/3": "one of the newest 1",
        "trec/1": "alias champion",
        "trec/2": None,
        "trec/3": "one of the newest 1",
    }
    assert [name for name, kept in fates(0).items() if kept is None] == [
        *("trec/2", "trec/3", "trec-teacher/2", "trec-teacher/3")
    ]
    assert None not in fates(3).values()


def test_what_may_go_goes_and_the_records_stay(three: Path) -> None:
    retention.collect(1, "anna@here")
    assert [intact(f"trec/{n}") for n in (1, 2, 3)] == [True, False, True]
    assert [intact(f"trec-teacher/{n}") for n in (1, 2, 3)] == [True, False, True]
    assert registry.resolve("trec/2").tags["gate"] == "passed"
    ticket = audit.all_tickets("trec")[-1]
    kept = ("intent", "who", "state", "removed")
    assert [ticket.tags[name] for name in kept] == [
        *("collect", "anna@here", "done", "trec/2, trec-teacher/2")
    ]
    assert fates(0).keys() == {"trec-teacher/1", "trec-teacher/3", "trec/1", "trec/3"}


def test_soft_targets_with_a_metric_that_was_not_finite_are_in_nobodys_way(three: Path) -> None:
    """Stored before numbers were checked."""
    run_id = runs.open_run(runs.ensure_experiment("trec"), "soft targets", {})
    plain = {"stage": "generate_soft_targets", "status": "ran"}
    result = {**plain, "metrics": {"entropy_nats": None}, "model_uri": f"runs:/{run_id}/made"}
    runs.set_tags(run_id, {**plain, "result": json.dumps(result)})
    runs.client().set_terminated(run_id)
    assert fates(1)["trec/2"] is None
    retention.collect(1, "anna@here")
    assert not intact("trec/2")


def test_a_collection_is_no_move(three: Path) -> None:
    retention.collect(1, "anna@here")
    last = audit.last_move("trec")
    assert last is not None
    assert last.moved_to == "1"


def test_files_that_went_can_be_put_back(three: Path) -> None:
    uri = str(registry.resolve("trec/2").source)
    retention.collect(1, "anna@here")
    packed = sorted(three.glob("made-*/packed"), key=lambda path: path.stat().st_ctime_ns)[3]
    artifacts.restore_files(uri, packed, registry.resolve("trec/2").tags["digest"])
    assert intact("trec/2")


def test_an_open_run_keeps_all_of_its_recipe(three: Path) -> None:
    run_id = runs.open_run(runs.ensure_experiment("trec"), "trec", {})
    assert fates(0)["trec-teacher/2"] == "a run of trec is open"
    runs.set_tags(run_id, {"process": GONE})
    assert fates(0)["trec-teacher/2"] is None


def test_an_open_run_keeps_what_its_stages_have_taken_over(three: Path) -> None:
    experiment, flow = runs.ensure_experiment("other"), {"flow_run_id": "flow-1"}
    runs.open_run(experiment, "other", flow)
    stage = runs.open_run(experiment, "train_teacher", {**flow, "stage": "train_teacher"})
    source = str(registry.resolve("trec-teacher/2").source)
    taken = StageResult(stage="train_teacher", status="reused", model_uri=source)
    runs.write_result(stage, taken)
    runs.client().set_terminated(stage)
    assert fates(0)["trec-teacher/2"] == "a run of other is open"
    assert fates(0)["trec-teacher/3"] is None


def test_an_open_stage_keeps_what_it_may_find_by_its_key(three: Path) -> None:
    found = StageResult(
        stage="train_teacher",
        status="ran",
        model_uri=str(registry.resolve("trec-teacher/2").source),
    )
    made = runs.open_run(runs.ensure_experiment("trec"), "train_teacher", {"key": "k"})
    runs.write_result(made, found)
    runs.client().set_terminated(made)
    runs.open_run(runs.ensure_experiment("other"), "train_teacher", {"key": "k"})
    assert fates(0)["trec-teacher/2"] == "a run of other is open"


def test_a_version_that_is_about_to_be_promoted_is_kept(three: Path) -> None:
    request = audit.Request(model="trec", intent="promote", who="bob", why="x", target="2")
    ticket = audit.enqueue(request)
    assert (fates(0)["trec/2"], fates(0)["trec-teacher/2"]) == (
        f"ticket {ticket.number} is open",
        "ancestor of trec/2",
    )


def test_a_model_that_two_recipes_share_stays_while_one_needs_it(three: Path) -> None:
    shared = registry.resolve("trec-teacher/2")
    tags = {"stage": "train_teacher", "digest": shared.tags["digest"]}
    registry.register("other-teacher", str(shared.source), str(shared.run_id), tags)
    version(three, "other", parents=shared.tags["digest"])
    runs.client().set_registered_model_alias("other", "challenger", "1")
    assert fates(0)["trec-teacher/2"] == "ancestor of other/1"


def test_soft_targets_go_with_their_teacher(three: Path) -> None:
    digest = registry.resolve("trec-teacher/2").tags["digest"]
    run_id = runs.open_run(
        runs.ensure_experiment("trec"), "targets", {"stage": "generate_soft_targets"}
    )
    (three / "targets").mkdir()
    (three / "targets" / "logits").write_text("1 2 3")
    uri = artifacts.log_checkpoint(run_id, three / "targets", "soft")
    result = StageResult(
        stage="generate_soft_targets", status="ran", model_uri=uri, parents=(digest,)
    )
    runs.write_result(run_id, result)
    runs.client().set_terminated(run_id)
    found = {h.name: h for h in retention.plan_collection(0)}["soft targets of trec-teacher/2"]
    assert (found.kept, found.bytes) == (None, 5)
    retention.collect(0, "anna@here")
    assert artifacts.stored_bytes(uri) == 0


def result(stage: Stage, digest: str, *parents: str) -> str:
    """The run of a stage that wrote down what it made, and of what."""
    run_id = runs.open_run(runs.ensure_experiment("trec"), stage, {"stage": stage})
    made = StageResult(stage=stage, status="ran", digest=digest, parents=parents)
    runs.write_result(run_id, made)
    runs.client().set_terminated(run_id)
    return run_id


@pytest.fixture
def chain(state: Path, tmp_path: Path) -> dict[str, str]:
    """Teacher, student and export; by stage, the run that made each. The last is in service."""
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


FOLLOWED = {
    "trec-teacher/1": "ancestor of trec/1",
    "trec-teacher/2": None,
    "trec/1": "alias champion",
}


def drop_files(model: str) -> None:
    """Delete the checkpoint of a model's first version, and only that."""
    artifacts.remove_files(str(registry.resolve(f"{model}/1").source))


@pytest.mark.parametrize("lost", ["version", "model", "tags", "version and files"])
def test_ancestors_stay_when_the_middle_of_the_lineage_was_deleted(
    chain: dict[str, str], lost: str
) -> None:
    mlflow, kept = runs.client(), dict(FOLLOWED)
    if lost == "model":
        mlflow.delete_registered_model("trec-student")
    elif lost == "tags":
        mlflow.delete_model_version_tag("trec-student", "1", "parents")
        kept["trec-student/1"] = "ancestor of trec/1"
    else:
        if lost == "version and files":
            drop_files("trec-student")
        mlflow.delete_model_version("trec-student", "1")
    assert fates(0) == kept
    retention.collect(0, "anna@here")
    assert intact("trec-teacher/1")
    assert not intact("trec-teacher/2")


@pytest.mark.parametrize("trashed", ["run", "experiment"])
def test_records_in_the_trash_tell_the_lineage(chain: dict[str, str], trashed: str) -> None:
    mlflow = runs.client()
    drop_files("trec-student")
    mlflow.delete_model_version("trec-student", "1")
    if trashed == "run":
        mlflow.delete_run(chain["distill_student"])
    else:
        mlflow.delete_experiment(runs.ensure_experiment("trec"))
    assert fates(0) == FOLLOWED


def test_a_checkpoint_tells_its_parents_where_all_records_are_gone(
    state: Path, tmp_path: Path
) -> None:
    teacher = version(tmp_path, "trec-teacher", "train_teacher")
    student = version(tmp_path, "trec-student", "distill_student", made_of=teacher)
    version(tmp_path, parents=student)
    version(tmp_path, "trec-teacher", "train_teacher")
    promote("1", forced=True)
    runs.client().delete_model_version("trec-student", "1")
    assert fates(0) == FOLLOWED


def test_a_lineage_that_no_record_tells_keeps_whatever_may_be_of_it(
    state: Path, tmp_path: Path
) -> None:
    version(tmp_path, "trec-teacher", "train_teacher")
    version(tmp_path, parents="0123456789abcdef")
    version(tmp_path, parents="0123456789abcdef")
    promote("1", forced=True)
    assert fates(0) == {
        "trec-teacher/1": "may be an ancestor of trec/1: no record of 0123456789ab",
        "trec/1": "alias champion",
        "trec/2": None,
    }


def test_the_tag_with_all_ancestors_needs_no_other_record(state: Path, tmp_path: Path) -> None:
    teacher = version(tmp_path, "trec-teacher", "train_teacher")
    version(tmp_path, "trec-teacher", "train_teacher")
    version(tmp_path, parents="purged", ancestors=f"purged,{teacher}")
    promote("1", forced=True)
    assert fates(0) == FOLLOWED


@pytest.mark.parametrize("deleted", [["digest"], ["digest", "parents"]])
def test_a_champion_without_its_digest_keeps_its_ancestors(
    chain: dict[str, str], deleted: list[str]
) -> None:
    for tag in deleted:
        runs.client().delete_model_version_tag("trec", "1", tag)
    assert fates(0)["trec-teacher/1"] is not None
    assert "trec/1" not in fates(0)


def test_ancestors_of_a_champion_whose_files_are_gone_stay(chain: dict[str, str]) -> None:
    drop_files("trec")
    assert fates(0)["trec-teacher/1"] == "ancestor of trec/1"
