"""Distill the student: a smaller model, usually of the teacher's parts, trained on its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress.distillation.student import STUDENT_FIELD
from coldpress.kinds.vectors import learns_vectors
from coldpress.teacher.sentence_teacher import sentence_digest
from coldpress.teacher.spec import content_digest
from tasks.execution import data
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageContext, StageSpec
from tasks.tracking import curves

if TYPE_CHECKING:
    from coldpress.data.splits import Split
    from coldpress.distillation.soft_targets import SoftTargets
    from coldpress.model.classifier import Classifier
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
    return run_stage(_stage_spec(run, teacher, soft_targets), _distill)


def _stage_spec(run: PipelineRun, teacher: StageResult, soft_targets: StageResult) -> StageSpec:
    """A model that the student starts from is identified by its content, not by its name."""
    section = run.recipe.recovery
    inputs = tuple(result for result in (teacher, soft_targets) if result.status != "skipped")
    digests = _pretrained_digests(run.recipe)
    return StageSpec(run, "distill_student", section, inputs, digests)


def _pretrained_digests(recipe: Recipe) -> dict[str, str]:
    model = recipe.student_model
    if model is None:
        return {}
    digests = {"from": content_digest(model, STUDENT_FIELD)}
    if recipe.benchmark.kind == "sentence-embedding":
        digests["head"] = sentence_digest(model, STUDENT_FIELD)
    return digests


def _choose_source(context: StageContext, targets: SoftTargets, rows: Split) -> Classifier:
    """Return the model that the student is made from: the teacher, or another one."""
    from coldpress.distillation import pretrained_student, transfer
    from coldpress.model import serialization

    recipe = context.recipe
    dimension = context.section.student.dimension
    if recipe.student_model is None:
        teacher = serialization.load_classifier(context.inputs[0])
        return transfer.shorten_teacher(teacher, dimension, targets, rows)
    benchmark = data.load_benchmark(recipe)
    vectors = None
    if learns_vectors(benchmark.kind):
        vectors = pretrained_student.vector_form(targets.logits, dimension)
    limit = recipe.benchmark.max_tokens
    return pretrained_student.load_source(recipe.student_model, benchmark, limit, vectors)


def _distill(context: StageContext) -> dict[str, float]:
    from coldpress.distillation import own_vocabulary, soft_targets, transfer
    from coldpress.distillation.method import DistillationContext
    from coldpress.kinds.vectors import validation_metric
    from coldpress.model import classifier, serialization
    from coldpress.training import loop

    recipe = context.recipe
    method = context.section
    benchmark = data.load_benchmark(recipe)
    loop.reseed(recipe.seed, context.stage)
    targets = soft_targets.load_soft_targets(context.inputs[-1].path)
    rows = targets.transfer_set(data.load_transfer_set(recipe))
    source = _choose_source(context, targets, rows)
    source = own_vocabulary.replace_vocabulary(source, method.student.vocabulary, rows)
    training = transfer.soft_target_data(source, method, targets, rows, benchmark.validation)
    epochs: dict[str, tuple[loop.Epoch, ...]] = {}
    distillation = DistillationContext(training, rows, context.progress, epochs.__setitem__)
    student = method.distill(source, distillation)
    metric = validation_metric(student.kind).name
    curves.log_epochs(context.run_id, epochs, metric)
    serialization.write_checkpoint(student, context.target, context.manifest())
    # A static student has fewer tokens than its teacher.
    evaluated = training.remap_token_ids(source.tokenizer, student.tokenizer).validation
    return {
        f"validation_{metric}": classifier.score(student, evaluated),
        "parameters": classifier.count_parameters(student),
    }
