"""Distill the student: a smaller model, usually of the teacher's parts, trained on its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress.distillation.student import STUDENT_FIELD
from coldpress.teacher.sentence_teacher import sentence_digest
from coldpress.teacher.spec import content_digest
from tasks.bodies import distill_student as body
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageSpec
from tasks.ranks.launch import in_ranks

if TYPE_CHECKING:
    from coldpress.recipe.recipe import Recipe
    from tasks.execution.pipeline_run import PipelineRun
    from tasks.tracking.results import StageResult


@task(name="distill-student", cache_policy=NO_CACHE)
def distill_student(
    run: PipelineRun, teacher: StageResult, soft_targets: StageResult
) -> StageResult:
    """Build the student from layers of the teacher or of another model, and train it."""
    if run.recipe.distill is None:
        return teacher.skipped_as("distill_student")
    spec = _stage_spec(run, teacher, soft_targets)
    return run_stage(spec, in_ranks(body.distill, spec.processes))


def _stage_spec(run: PipelineRun, teacher: StageResult, soft_targets: StageResult) -> StageSpec:
    """A model that the student starts from is identified by its content, not by its name."""
    section = body.section(run.recipe)
    inputs = tuple(result for result in (teacher, soft_targets) if result.status != "skipped")
    digests = _pretrained_digests(run.recipe)
    processes = run.recipe.processes
    return StageSpec(run, "distill_student", section, inputs, digests, processes=processes)


def _pretrained_digests(recipe: Recipe) -> dict[str, str]:
    model = recipe.student_model
    if model is None:
        return {}
    digests = {"from": content_digest(model, STUDENT_FIELD)}
    if recipe.benchmark.kind == "sentence-embedding":
        digests["head"] = sentence_digest(model, STUDENT_FIELD)
    return digests
