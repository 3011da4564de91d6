"""What earlier runs did, read back from the tracking store."""

from __future__ import annotations

import json
import math
import time
from typing import Any

from mlflow.entities import Run

from coldpress.schema.stages import STAGES
from tasks.tracking import open_runs
from tasks.tracking import runs as tracking
from tasks.tracking.paging import all_pages, batch_ids
from tasks.tracking.results import StageResult

_OPTIONAL_SECTIONS = {"distill_student": "distill", "prune": "prune", "quantize": "quantize"}


def open_runs_with_key(key: str) -> list[Run]:
    """Return the stage runs that work, or wait to work, on a cache key."""
    return search_runs(f"tags.`coldpress.key` = '{key}' AND attributes.status = 'RUNNING'")


def results_with_key(key: str) -> list[StageResult]:
    """Return what earlier runs made for a cache key, the latest first."""
    made = f"tags.`coldpress.key` = '{key}' AND tags.`coldpress.status` = 'ran'"
    finished = search_runs(f"{made} AND attributes.status = 'FINISHED'")
    return [result_of(run) for run in reversed(finished) if not _has_non_finite(run)]


def count_test_evaluations(test_digest: str) -> int:
    """Count the finished evaluations that looked at these test rows, whatever they judged."""
    judged = f"tags.`coldpress.test_digest` = '{test_digest}' AND tags.`coldpress.status` = 'ran'"
    return len(search_runs(f"{judged} AND attributes.status = 'FINISHED'"))


def search_runs(condition: str) -> list[Run]:
    """Search every experiment, oldest run first: recipes share what they have in common."""
    mlflow = tracking.client()
    ids = [e.experiment_id for e in all_pages(mlflow.search_experiments)]
    order = ["attributes.start_time ASC"]
    runs = [
        run
        for group in batch_ids(ids)
        for run in all_pages(mlflow.search_runs, group, condition, order_by=order)
    ]
    return sorted(runs, key=lambda run: int(run.info.start_time))


def is_recipe_running(recipe: str) -> bool:
    """Whether some process presses a recipe of this name now."""
    mlflow = tracking.client()
    experiment = mlflow.get_experiment_by_name(recipe)
    if experiment is None:
        return False
    opened = "attributes.status = 'RUNNING' AND tags.`coldpress.recipe_digest` != ''"
    runs = all_pages(mlflow.search_runs, [experiment.experiment_id], opened)
    return not all(open_runs.is_dead(run) for run in runs)


def runs_of_flow_run(flow_run_id: str) -> list[Run]:
    """Return the chain's run and its stages' runs, oldest first."""
    return search_runs(f"tags.`coldpress.flow_run_id` = '{flow_run_id}'")


def parent_run(flow_run_id: str) -> Run | None:
    """Return the chain's run of a flow run, if it was opened."""
    return next(
        (r for r in runs_of_flow_run(flow_run_id) if "coldpress.stage" not in r.data.tags), None
    )


def stage_results(flow_run_id: str) -> list[StageResult]:
    """Return all seven results of a flow run, in order, as far as it came.

    A stage that a retry carried out again counts once, by its last run. Of a chain that did not
    finish, the first stage without a result is the one that failed.
    """
    chain, last = parent_run(flow_run_id), dict[str, StageResult]()
    for run in runs_of_flow_run(flow_run_id):
        if "coldpress.stage" in run.data.tags:
            last[run.data.tags["coldpress.stage"]] = result_of(run)
    if chain is not None and chain.info.status in {"FAILED", "KILLED"}:
        _mark_failed_stage(chain, last)
    return [last.get(stage, StageResult(stage=stage, status="skipped")) for stage in STAGES]


def _mark_failed_stage(chain: Run, results: dict[str, StageResult]) -> None:
    """Name the stage that failed before it could open a run of its own."""
    if any(result.status == "failed" for result in results.values()):
        return
    for stage in STAGES:
        section = chain.data.params.get(_OPTIONAL_SECTIONS.get(stage, ""))
        if stage not in results and section not in {"None", "[]"}:
            results[stage] = StageResult(stage=stage, status="failed")
            return


def result_of(run: Run) -> StageResult:
    """Return what a stage run wrote down last; nothing written means that it failed."""
    written = run.data.tags.get("coldpress.result")
    if written is not None:
        return StageResult.model_validate(_without_non_finite(json.loads(written)))
    stage: Any = run.data.tags["coldpress.stage"]
    ended = run.info.end_time or int(time.time() * 1000)
    seconds = (ended - run.info.start_time) / 1000
    return StageResult(stage=stage, status="failed", seconds=seconds, run_id=run.info.run_id)


def _has_non_finite(run: Run) -> bool:
    """Whether a version before numbers were checked has stored one that is not finite."""
    written = json.loads(run.data.tags["coldpress.result"])
    return bool(written != _without_non_finite(written))


def _without_non_finite(written: dict[str, Any]) -> dict[str, Any]:
    """Leave out metrics that were NaN or infinite; pydantic has written them as null."""
    metrics = written.get("metrics", {})
    finite = {k: v for k, v in metrics.items() if v is not None and math.isfinite(v)}
    return {**written, "metrics": finite}
