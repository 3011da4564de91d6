from pathlib import Path

import pytest

from coldpress.errors import NonFiniteError
from tasks.environment import processes
from tasks.tracking import curves, history, runs
from tasks.tracking.results import StageResult

DEAD_PROCESS = f"{processes.current_process_identity().rsplit(':', 2)[0]}:1:1.00"


def open_stage(experiment: str, key: str, process: str | None = None) -> str:
    run_id = runs.open_run(experiment, "prune", {"stage": "prune", "key": key})
    if process:
        runs.set_tags(run_id, {"process": process})
    return run_id


def status(run_id: str) -> str:
    return str(runs.client().get_run(run_id).info.status)


@pytest.mark.parametrize(
    ("raised", "ended"), [(None, "FINISHED"), (ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_a_run_is_closed_however_its_block_ends(
    state: Path, raised: type[BaseException] | None, ended: str
) -> None:
    run_id = runs.open_run(runs.ensure_experiment("trec"), "trec", {})
    try:
        with runs.managed_run(run_id):
            if raised:
                raise raised("no luck")
    except (ValueError, KeyboardInterrupt):
        assert "no luck" in runs.client().get_run(run_id).data.tags["coldpress.error"]
    assert status(run_id) == ended


def test_closing_a_run_deletes_its_incomplete_models(state: Path) -> None:
    experiment = runs.ensure_experiment("trec")
    mlflow = runs.client()
    run_id = open_stage(experiment, "k")
    half, whole = (mlflow.create_logged_model(experiment, source_run_id=run_id) for _ in "ab")
    mlflow.finalize_logged_model(whole.model_id, "READY")
    runs.close_run(run_id)
    models = mlflow.search_logged_models([experiment])
    assert [model.model_id for model in models] == [whole.model_id]
    assert status(run_id) == "KILLED"
    assert half.model_id != whole.model_id


def test_only_a_finished_run_has_a_result(state: Path) -> None:
    """The result is written before the run is closed: a kill in between leaves no result."""
    run_id = open_stage(runs.ensure_experiment("trec"), "k")
    result = StageResult(stage="prune", status="ran", digest="d", metrics={"accuracy": 0.5})
    runs.write_result(run_id, result)
    assert history.results_with_key("k") == []
    runs.client().set_terminated(run_id)
    assert history.results_with_key("k") == [result]


def test_a_result_is_written_with_its_metrics_and_origin(state: Path) -> None:
    run_id = open_stage(runs.ensure_experiment("trec"), "k")
    result = StageResult(stage="prune", status="reused", metrics={"accuracy": 0.5}, seconds=2.0)
    runs.write_result(run_id, result, {"reused_from": "an earlier run"})
    data = runs.client().get_run(run_id).data
    assert data.metrics == {"accuracy": 0.5, "seconds": 2.0}
    assert data.tags["coldpress.reused_from"] == "an earlier run"
    assert data.tags["coldpress.status"] == "reused"


def test_a_description_is_set_when_a_run_is_opened_and_later(state: Path) -> None:
    experiment = runs.ensure_experiment("trec")
    run_id = runs.open_run(experiment, "trec", {}, description="first")
    assert runs.client().get_run(run_id).data.tags["mlflow.note.content"] == "first"
    runs.set_tags(run_id, {"prefect": "p"}, "second")
    tags = runs.client().get_run(run_id).data.tags
    assert (tags["mlflow.note.content"], tags["coldpress.prefect"]) == ("second", "p")


def test_results_are_shared_between_recipes(state: Path) -> None:
    run_id = open_stage(runs.ensure_experiment("one"), "k")
    runs.write_result(run_id, StageResult(stage="prune", status="ran"))
    runs.client().set_terminated(run_id)
    runs.ensure_experiment("two")
    assert len(history.results_with_key("k")) == 1


def test_results_in_experiments_that_are_new_to_this_process_may_be_missed(state: Path) -> None:
    """Listing the experiments for each stage would take a call each; the queue lists them anew."""
    known = open_stage(runs.ensure_experiment("one"), "k")
    runs.write_result(known, StageResult(stage="prune", status="ran", run_id=known))
    runs.client().set_terminated(known)
    assert len(history.results_with_key("k", in_known_experiments=True)) == 1
    new = open_stage(runs.ensure_experiment("two"), "k")
    runs.write_result(new, StageResult(stage="prune", status="ran", run_id=new))
    runs.client().set_terminated(new)
    found = history.results_with_key("k", in_known_experiments=True)
    assert [result.run_id for result in found] == [known]
    assert [result.run_id for result in history.results_with_key("k")] == [new, known]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_metric_that_is_not_finite_is_not_recorded(state: Path, value: float) -> None:
    run_id = runs.open_run(runs.ensure_experiment("trec"), "trec", {})
    with pytest.raises(NonFiniteError, match=f"^entropy is {value}$"):
        runs.log_metrics(run_id, {"rows": 3.0, "entropy": value})
    with pytest.raises(NonFiniteError, match=rf"^epoch_loss\.1 is {value}$"):
        curves.log_curve(run_id, "epoch_loss", [0.5, value])
    assert runs.client().get_run(run_id).data.metrics == {}


@pytest.mark.parametrize("json_value", ["null", "NaN", "-Infinity"])
def test_a_result_with_a_metric_that_was_not_finite_is_read_and_not_reused(
    state: Path, json_value: str
) -> None:
    """Stored by an older version: pydantic writes null, MLflow's own clients NaN."""
    run_id = open_stage(runs.ensure_experiment("trec"), "k")
    with runs.managed_run(run_id):
        result = StageResult(stage="prune", status="ran", metrics={"rows": 3, "entropy": 0.5})
        poisoned = result.model_dump_json().replace("0.5", json_value)
        runs.set_tags(run_id, {"status": "ran", "result": poisoned})
    run = runs.client().get_run(run_id)
    assert history.result_of(run).metrics == {"rows": 3.0}
    assert history.results_with_key("k") == []


def test_a_table_without_rows_is_kept_as_one(state: Path) -> None:
    run_id = open_stage(runs.ensure_experiment("trec"), "k")
    runs.log_rows(run_id, [], "flips.json")
    assert [file.path for file in runs.client().list_artifacts(run_id)] == ["flips.json"]


def test_openings_of_a_test_split_are_counted_by_its_digest(state: Path) -> None:
    """Only finished evaluations that ran: a reused one opens nothing."""
    for digest, status in (("a", "ran"), ("a", "reused"), ("b", "ran"), ("a", "ran")):
        run_id = runs.open_run(runs.ensure_experiment("trec"), "evaluate", {"test_digest": digest})
        runs.set_tags(run_id, {"status": status})
        runs.client().set_terminated(run_id)
    runs.open_run(runs.ensure_experiment("trec"), "evaluate", {"test_digest": "a"})
    assert [history.count_test_evaluations(digest) for digest in "abc"] == [2, 1, 0]


def test_a_recipe_is_running_until_its_run_ends_or_dies(state: Path) -> None:
    assert not history.is_recipe_running("trec")
    experiment = runs.ensure_experiment("trec")
    tags = {"recipe_digest": "0"}
    runs.open_run(experiment, "re-evaluate", {"reevaluates": "trec/3"})
    assert not history.is_recipe_running("trec")
    ended, killed = (runs.open_run(experiment, "trec", tags) for _ in "ab")
    runs.client().set_terminated(ended)
    assert history.is_recipe_running("trec")
    runs.set_tags(killed, {"process": DEAD_PROCESS})
    assert not history.is_recipe_running("trec")
