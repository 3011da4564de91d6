"""Read the results of earlier runs from the tracking store."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

from mlflow.entities import Run

from coldpress.schema.stages import STAGES, Stage
from tasks.tracking import open_runs, runs
from tasks.tracking.paging import all_pages, batch_ids
from tasks.tracking.results import StageResult

POOL_TAG = "pool"
"""Tag of a stage run on a work pool, without the prefix: the pool's name."""
PLACED_TAG = "placed_flow_run_id"
"""Tag of a stage run on a work pool, without the prefix: the flow run of that stage alone."""
_EVALUATION_POOLS = "placement.evaluate."
"""Start of the parameters of a pipeline run that evaluates on several pools; then their place."""
_OPTIONAL_SECTIONS = {
    "distill_student": "distill",
    "prune": "prune",
    "quantize": "quantize",
    "export_onnx": "export",
}


def open_runs_with_key(key: str) -> list[Run]:
    """Return the open stage runs with a cache key, working or waiting."""
    return find_runs(f"tags.`coldpress.key` = '{key}' AND attributes.status = 'RUNNING'")


def results_with_key(key: str, *, in_known_experiments: bool = False) -> list[StageResult]:
    """Return the results of earlier runs with a cache key, the latest first.

    Args:
        key: The cache key.
        in_known_experiments: Search the experiments that this process has seen so far; a result in
            a newer one may be missed.
    """
    ran = f"tags.`coldpress.key` = '{key}' AND tags.`coldpress.status` = 'ran'"
    condition = f"{ran} AND attributes.status = 'FINISHED'"
    ids = _known_experiments(os.environ["MLFLOW_TRACKING_URI"]) if in_known_experiments else None
    finished = find_runs(condition, ids)
    return [result_of(run) for run in reversed(finished) if not _has_non_finite(run)]


def count_test_evaluations(test_digest: str) -> int:
    """Count the finished evaluations that opened a test split, of whatever models."""
    evaluated = (
        f"tags.`coldpress.test_digest` = '{test_digest}' AND tags.`coldpress.status` = 'ran'"
    )
    return len(find_runs(f"{evaluated} AND attributes.status = 'FINISHED'"))


def find_runs(condition: str, experiment_ids: Sequence[str] | None = None) -> list[Run]:
    """Search for runs, the oldest first.

    Args:
        condition: MLflow's filter.
        experiment_ids: None for all experiments, since recipes share cached stages.
    """
    mlflow = runs.client()
    ids = _all_experiments() if experiment_ids is None else experiment_ids
    order = ["attributes.start_time ASC"]
    found_runs = [
        run
        for batch in batch_ids(ids)
        for run in all_pages(mlflow.search_runs, batch, condition, order_by=order)
    ]
    return sorted(found_runs, key=lambda run: int(run.info.start_time))


def _all_experiments() -> list[str]:
    return [e.experiment_id for e in all_pages(runs.client().search_experiments)]


@cache
def _known_experiments(tracking_uri: str) -> list[str]:  # noqa: ARG001
    """The experiments of a registry when this process first asked for them."""
    return _all_experiments()


def is_recipe_running(recipe: str) -> bool:
    """True if a live process is running a recipe of this name."""
    mlflow = runs.client()
    experiment = mlflow.get_experiment_by_name(recipe)
    if experiment is None:
        return False
    is_open = "attributes.status = 'RUNNING' AND tags.`coldpress.recipe_digest` != ''"
    pipeline_runs = all_pages(mlflow.search_runs, [experiment.experiment_id], is_open)
    return not all(open_runs.is_dead(run) for run in pipeline_runs)


def runs_of_flow_run(flow_run_id: str) -> list[Run]:
    """Return the pipeline run and the stage runs of a flow run, oldest first."""
    return find_runs(f"tags.`coldpress.flow_run_id` = '{flow_run_id}'")


def parent_run(flow_run_id: str) -> Run | None:
    """Return the pipeline run of a flow run; None if it was never opened."""
    return pipeline_run_in(runs_of_flow_run(flow_run_id))


def pipeline_run_in(members: list[Run]) -> Run | None:
    """Return the pipeline run among the runs of a flow run; None if it was never opened."""
    return next((run for run in members if "coldpress.stage" not in run.data.tags), None)


def stage_results(flow_run_id: str) -> list[StageResult]:
    """Return all seven results of a flow run, in order; stages not reached are skipped.

    A stage that a retry ran again counts once, by its last run. If the pipeline run failed, the
    first stage without a result is the one that failed.
    """
    return stage_results_in(runs_of_flow_run(flow_run_id))


def stage_results_in(members: list[Run]) -> list[StageResult]:
    """Return the same as `stage_results`, from the runs of a flow run."""
    pipeline_run = pipeline_run_in(members)
    results = {stage: _main_result(members, stage) for stage in STAGES}
    existing: dict[str, StageResult] = {s: r for s, r in results.items() if r is not None}
    if pipeline_run is not None and pipeline_run.info.status in {"FAILED", "KILLED"}:
        _mark_failed_stage(pipeline_run, existing)
    return [existing.get(stage, StageResult(stage=stage, status="skipped")) for stage in STAGES]


def _main_result(members: list[Run], stage: Stage) -> StageResult | None:
    """Return a stage's result; of several pools one that failed, or else that of the first."""
    results = _results_by_pool(members, stage)
    failed = [result for result in results if result.status == "failed"]
    return next(iter([*failed, *results]), None)


def evaluations_in(members: list[Run]) -> list[StageResult]:
    """Return the results of `evaluate` by work pool, in the order of the recipe.

    Args:
        members: Of `runs_of_flow_run`.
    """
    return _results_by_pool(members, "evaluate")


def _results_by_pool(members: list[Run], stage: Stage) -> list[StageResult]:
    """Return the last result of each pool; the pools of evaluations in the recipe's order."""
    latest: dict[str, StageResult] = {}
    for run in members:
        if run.data.tags.get("coldpress.stage") == stage:
            latest[run.data.tags.get(f"coldpress.{POOL_TAG}", "")] = result_of(run)
    places = _evaluation_places(members)
    return [latest[pool] for pool in sorted(latest, key=lambda pool: places.get(pool, 0))]


def _evaluation_places(members: list[Run]) -> dict[str, int]:
    """Return the place of each pool in the recipe, if it evaluates on several."""
    pipeline_run = pipeline_run_in(members)
    params = {} if pipeline_run is None else pipeline_run.data.params
    return {
        pool: int(name.removeprefix(_EVALUATION_POOLS))
        for name, pool in params.items()
        if name.startswith(_EVALUATION_POOLS)
    }


def placed_result(placed_flow_run_id: str, experiment_id: str) -> StageResult | None:
    """Return the result of a stage that ran on a work pool; None if it recorded none.

    Args:
        placed_flow_run_id: The flow run of that stage alone.
        experiment_id: The experiment of the pipeline run.
    """
    tag = f"tags.`coldpress.{PLACED_TAG}` = '{placed_flow_run_id}'"
    matches = find_runs(f"{tag} AND attributes.status = 'FINISHED'", [experiment_id])
    return result_of(matches[-1]) if matches else None


def _mark_failed_stage(pipeline_run: Run, results: dict[str, StageResult]) -> None:
    """Mark the stage that failed before it could open its own run."""
    if any(result.status == "failed" for result in results.values()):
        return
    for stage in STAGES:
        section = pipeline_run.data.params.get(_OPTIONAL_SECTIONS.get(stage, ""))
        if stage not in results and section not in {"None", "[]"}:
            results[stage] = StageResult(stage=stage, status="failed")
            return


def result_of(run: Run) -> StageResult:
    """Return the last result that a stage run recorded; a run without a result has failed."""
    record = run.data.tags.get("coldpress.result")
    if record is not None:
        return StageResult.model_validate(_without_non_finite(json.loads(record)))
    stage: Any = run.data.tags["coldpress.stage"]
    end_time = run.info.end_time or int(time.time() * 1000)
    seconds = (end_time - run.info.start_time) / 1000
    return StageResult(stage=stage, status="failed", seconds=seconds, run_id=run.info.run_id)


def _has_non_finite(run: Run) -> bool:
    """True if an older version of Coldpress stored metrics that are not finite."""
    record = json.loads(run.data.tags["coldpress.result"])
    return bool(record != _without_non_finite(record))


def _without_non_finite(record: dict[str, Any]) -> dict[str, Any]:
    """Drop metrics that were NaN or infinite, which pydantic wrote as null."""
    metrics = record.get("metrics", {})
    finite = {k: v for k, v in metrics.items() if v is not None and math.isfinite(v)}
    return {**record, "metrics": finite}
