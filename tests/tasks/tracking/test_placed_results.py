"""Results of stages that ran on work pools, as `--json` and the flow read them."""

from __future__ import annotations

from pathlib import Path

from coldpress.schema.stages import STAGES, Stage
from tasks.tracking import history, runs
from tasks.tracking.results import StageResult

FLOW_RUN = "0f6a1f8e-parent"


def pipeline_run(*pools: str) -> str:
    """Open the pipeline run of a recipe that evaluates on these pools; return its experiment."""
    experiment = runs.ensure_experiment("trec")
    run_id = runs.open_run(experiment, "trec", {"flow_run_id": FLOW_RUN})
    runs.log_params(run_id, {f"placement.evaluate.{n}": pool for n, pool in enumerate(pools)})
    return experiment


def stage_run(stage: Stage, pool: str, digest: str | None) -> None:
    """Record a stage on a work pool; without a digest it failed."""
    tags = {"flow_run_id": FLOW_RUN, "stage": stage, "pool": pool, "placed_flow_run_id": pool}
    run_id = runs.open_run(runs.ensure_experiment("trec"), stage, tags)
    if digest is not None:
        runs.write_result(run_id, StageResult(stage=stage, status="ran", digest=digest))
    runs.client().set_terminated(run_id, "FAILED" if digest is None else "FINISHED")


def test_the_first_pool_of_the_recipe_is_the_evaluation_whichever_ended_last(state: Path) -> None:
    pipeline_run("x86", "arm")
    stage_run("evaluate", "x86", "first")
    stage_run("evaluate", "arm", "second")
    results = history.stage_results(FLOW_RUN)
    assert [result.stage for result in results] == list(STAGES)
    assert results[-1].digest == "first"
    evaluations = history.evaluations_in(history.runs_of_flow_run(FLOW_RUN))
    assert [result.digest for result in evaluations] == ["first", "second"]


def test_the_stage_failed_if_it_failed_on_one_pool(state: Path) -> None:
    pipeline_run("x86", "arm")
    stage_run("evaluate", "x86", "first")
    stage_run("evaluate", "arm", None)
    assert history.stage_results(FLOW_RUN)[-1].status == "failed"
    stage_run("evaluate", "arm", "of a retry")
    assert history.stage_results(FLOW_RUN)[-1].digest == "first"


def test_the_flow_finds_the_result_of_the_flow_run_that_it_started(state: Path) -> None:
    experiment = pipeline_run()
    stage_run("prune", "gpu", "pruned")
    result = history.placed_result("gpu", experiment)
    assert result is not None
    assert result.digest == "pruned"
    assert history.placed_result("another", experiment) is None


def test_a_stage_that_failed_left_no_result(state: Path) -> None:
    experiment = pipeline_run()
    stage_run("prune", "gpu", None)
    assert history.placed_result("gpu", experiment) is None
