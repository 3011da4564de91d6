"""The parent run of a pipeline run: no run is left open, however it ends."""

from __future__ import annotations

import pickle
from pathlib import Path
from uuid import uuid4

import pytest
from prefect import runtime

from coldpress.errors import InputError
from coldpress.recipe.recipe import Recipe
from tasks.execution import pipeline_run
from tasks.execution.pipeline_run import PipelineRun
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageSpec
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


@pytest.fixture
def recipe() -> Recipe:
    source = {"origin": "synthetic", "train_examples": 200, "test_examples": 60}
    return Recipe.model_validate(
        {
            "name": "tiny",
            "benchmark": {"kind": "text-classification", "source": source},
            "teacher": {"model": {"origin": "scratch", "layers": 2}, "epochs": 1},
        }
    )


def test_a_stage_of_a_deleted_run_opens_no_run_of_its_own(state: Path, recipe: Recipe) -> None:
    experiment_id = runs.ensure_experiment("tiny")
    run_id = runs.open_run(experiment_id, "tiny", {})
    runs.client().delete_run(run_id)
    spec = StageSpec(PipelineRun(recipe, run_id, experiment_id, {}), "prune", None)
    with pytest.raises(InputError, match="the run of tiny was deleted in MLflow while it was in"):
        run_stage(spec, lambda _: {})
    assert runs.client().search_runs([experiment_id]) == []


def test_two_runs_of_a_recipe_have_the_same_cache_keys(recipe: Recipe) -> None:
    first, second = (
        StageSpec(PipelineRun(recipe, name, name, {"flow_run_id": name}), "prune", {"steps": []})
        for name in ("first", "second")
    )
    assert first.key == second.key


def test_a_pipeline_run_can_be_sent_to_another_process(recipe: Recipe) -> None:
    run = PipelineRun(recipe, "run", "experiment", {"flow_run_id": "id"})
    assert pickle.loads(pickle.dumps(run)) == run


def test_user_defined_names_become_one_parameter() -> None:
    """MLflow refuses keys with many characters that labels may have."""
    section = {"teacher": {"labels": {"C++": "on"}, "epochs": 0}, "prune": []}
    flat = {"teacher.labels": '{"C++": "on"}', "teacher.epochs": 0, "prune": []}
    assert dict(pipeline_run._flatten(section)) == flat
