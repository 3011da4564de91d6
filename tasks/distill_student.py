"""Distill the student: a smaller model made of the teacher's parts, fitted to what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.execution import data
from tasks.execution.stage import StageContext, StageSpec, run_stage
from tasks.tracking import runs

if TYPE_CHECKING:
    from coldpress.recipe.recipe import Recipe
    from tasks.tracking.results import StageResult


@task(name="distill-student", cache_policy=NO_CACHE)
def distill_student(recipe: Recipe, teacher: StageResult, soft_targets: StageResult) -> StageResult:
    """Start from some of the teacher's parts and fit what the teacher answered."""
    if recipe.distill is None:
        return teacher.skipped_as("distill_student")
    inputs = (teacher, soft_targets)
    return run_stage(
        StageSpec("distill_student", __name__, recipe, recipe.distill, inputs), _distill
    )


def _distill(work: StageContext) -> dict[str, float]:
    from coldpress.distillation import phase, transfer
    from coldpress.distillation import soft_targets as answers
    from coldpress.model import classifier, serialization
    from coldpress.training import loop

    recipe, method = work.order.recipe, work.order.section
    validation = data.load_benchmark(recipe).validation
    loop.reseed(recipe.seed, work.order.stage)
    teacher = serialization.load_classifier(work.inputs[0])
    given = answers.load_soft_targets(work.inputs[1].path)
    rows = given.transfer_set(data.load_transfer_set(recipe))
    student = method.student.build(teacher, rows)
    shown = transfer.build_distillation_data(student, method, given, rows, validation)
    phases = method.phases(teacher, student, shown.loss)
    for name, epochs in phase.distill(student, phases, shown, work.progress).items():
        runs.log_epochs(work.run_id, epochs, "" if len(phases) == 1 else f"{name}_")
    serialization.write_checkpoint(student, work.target, work.manifest())
    score = classifier.accuracy(student.logits(shown.validation), validation.labels)
    return {"validation_accuracy": score, "parameters": classifier.count_parameters(student)}
