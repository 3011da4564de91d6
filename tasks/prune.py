"""Prune the student step by step, retraining it after each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.bodies import prune as body
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageSpec
from tasks.ranks.launch import in_ranks

if TYPE_CHECKING:
    from tasks.execution.pipeline_run import PipelineRun
    from tasks.tracking.results import StageResult


@task(name="prune", cache_policy=NO_CACHE)
def prune(run: PipelineRun, student: StageResult, soft_targets: StageResult) -> StageResult:
    """Remove what the loss is least sensitive to; retrain on the soft targets after each step."""
    recipe = run.recipe
    if not recipe.prune:
        return student.skipped_as("prune")
    processes = recipe.processes if body.trains(recipe) else 1
    inputs = (student, soft_targets)
    spec = StageSpec(run, "prune", body.section(recipe), inputs, processes=processes)
    return run_stage(spec, in_ranks(body.prune, processes))
