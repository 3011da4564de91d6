"""Quantize: choose integer weights, scales and activation ranges, and simulate the accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress import cpu
from tasks.bodies import quantize as body
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageSpec
from tasks.ranks.launch import in_ranks

if TYPE_CHECKING:
    from tasks.execution.pipeline_run import PipelineRun
    from tasks.tracking.results import StageResult


@task(name="quantize", cache_policy=NO_CACHE)
def quantize(run: PipelineRun, pruned: StageResult, soft_targets: StageResult) -> StageResult:
    """Convert the weights to the integers that ONNX Runtime will use."""
    if run.recipe.quantize is None:
        return pruned.skipped_as("quantize")
    spec = _stage_spec(run, pruned, soft_targets)
    return run_stage(spec, in_ranks(body.quantize, spec.processes))


def _stage_spec(run: PipelineRun, pruned: StageResult, soft_targets: StageResult) -> StageSpec:
    """Only what learns depends on the soft targets."""
    recipe = run.recipe
    inputs = (pruned, soft_targets) if body.needs_soft_targets(recipe) else (pruned,)
    kernels = {"vnni": str(cpu.has_vnni())}
    processes = recipe.processes if body.trains(recipe) else 1
    section = body.section(recipe)
    return StageSpec(run, "quantize", section, inputs, kernels, processes=processes)
