"""Distill the student: a smaller model of the teacher's parts, trained on its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.execution import data
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageContext, StageSpec
from tasks.tracking import curves

if TYPE_CHECKING:
    from tasks.execution.pipeline_run import PipelineRun
    from tasks.tracking.results import StageResult


@task(name="distill-student", cache_policy=NO_CACHE)
def distill_student(
    run: PipelineRun, teacher: StageResult, soft_targets: StageResult
) -> StageResult:
    """Build the student from teacher layers and train it on the soft targets."""
    section = run.recipe.distill
    if section is None:
        return teacher.skipped_as("distill_student")
    return run_stage(StageSpec(run, "distill_student", section, (teacher, soft_targets)), _distill)


def _distill(context: StageContext) -> dict[str, float]:
    from coldpress.distillation import own_vocabulary, soft_targets, transfer
    from coldpress.distillation.method import DistillationContext
    from coldpress.kinds.vectors import validation_metric
    from coldpress.model import classifier, serialization
    from coldpress.training import loop

    recipe = context.recipe
    method = context.section
    validation = data.load_benchmark(recipe).validation
    loop.reseed(recipe.seed, context.stage)
    teacher = serialization.load_classifier(context.inputs[0])
    targets = soft_targets.load_soft_targets(context.inputs[1].path)
    rows = targets.transfer_set(data.load_transfer_set(recipe))
    teacher = own_vocabulary.replace_vocabulary(teacher, method.student.vocabulary, rows)
    training = transfer.soft_target_data(teacher, method, targets, rows, validation)
    epochs: dict[str, tuple[loop.Epoch, ...]] = {}
    teacher = transfer.shorten_teacher(teacher, method.student.dimension, targets, rows)
    distillation = DistillationContext(training, rows, context.progress, epochs.__setitem__)
    student = method.distill(teacher, distillation)
    metric = validation_metric(student.kind).name
    curves.log_epochs(context.run_id, epochs, metric)
    serialization.write_checkpoint(student, context.target, context.manifest())
    return {
        f"validation_{metric}": classifier.score(student, training.validation),
        "parameters": classifier.count_parameters(student),
    }
