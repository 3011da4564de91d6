"""Quantize: choose integer weights, scales and activation ranges, and simulate the accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress import cpu
from coldpress.kinds import task_kind
from coldpress.kinds.vectors import learns_vectors
from tasks.execution import data
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageContext, StageSpec
from tasks.tracking import curves

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import Quantization
    from coldpress.recipe.recipe import Recipe
    from coldpress.training.data import TrainingData
    from tasks.execution.pipeline_run import PipelineRun
    from tasks.tracking.results import StageResult


@task(name="quantize", cache_policy=NO_CACHE)
def quantize(run: PipelineRun, pruned: StageResult, soft_targets: StageResult) -> StageResult:
    """Convert the weights to the integers that ONNX Runtime will use."""
    if run.recipe.quantize is None:
        return pruned.skipped_as("quantize")
    return run_stage(_stage_spec(run, pruned, soft_targets), _quantize)


def _stage_spec(run: PipelineRun, pruned: StageResult, soft_targets: StageResult) -> StageSpec:
    """Only what learns depends on the soft targets and the recovery section."""
    recipe = run.recipe
    section: object = recipe.quantize
    inputs: tuple[StageResult, ...] = (pruned,)
    if recipe.quantize is not None and _needs_soft_targets(recipe):
        section = {"quantize": recipe.quantize, "recovery": recipe.recovery}
        inputs = (pruned, soft_targets)
    kernels = {"vnni": str(cpu.has_vnni())}
    return StageSpec(run, "quantize", section, inputs, kernels)


def _needs_soft_targets(recipe: Recipe) -> bool:
    """Whether the method trains, or the only targets to measure it by are the teacher's vectors."""
    trains = recipe.quantize is not None and recipe.quantize.trains
    return trains or learns_vectors(task_kind(recipe.benchmark.task_kind_name))


def _quantize(context: StageContext) -> dict[str, float]:
    from coldpress.kinds.vectors import validation_metric
    from coldpress.model import classifier, serialization
    from coldpress.model.checkpoint import new_checkpoint
    from coldpress.quantization.core.storage import save_quantized
    from coldpress.quantization.method import QuantizationContext
    from coldpress.quantization.precision import describe_arithmetic
    from coldpress.training import loop

    recipe = context.recipe
    loop.reseed(recipe.seed, context.stage)
    source = serialization.load_classifier(context.inputs[0])
    method = cast("Quantization", recipe.quantize)
    training = _training_data(context, source)
    before = classifier.score(source, training.validation)
    epochs: dict[str, tuple[loop.Epoch, ...]] = {}
    quantization = QuantizationContext(training, context.progress, epochs.__setitem__)
    quantized = method.quantize(source, quantization)
    metric = validation_metric(source.kind).name
    curves.log_epochs(context.run_id, epochs, metric)
    arithmetic = [group.model_dump() for group in describe_arithmetic(quantized)]
    notes = {"computes_in": arithmetic}
    manifest = serialization.describe_model(context.manifest(notes), source)
    with new_checkpoint(context.target, manifest) as directory:
        save_quantized(quantized, directory)
    after = classifier.score(quantized, training.validation)
    return {f"validation_{metric}": after, f"validation_{metric}_before": before}


def _training_data(context: StageContext, source: Classifier) -> TrainingData:
    """Return the transfer set with soft targets if they are needed, else the labelled rows."""
    from coldpress.distillation import soft_targets, transfer
    from coldpress.training.data import labelled_data

    recipe = context.recipe
    benchmark = data.load_benchmark(recipe)
    validation = benchmark.validation
    if not _needs_soft_targets(recipe):
        return labelled_data(source, benchmark.train, validation)
    targets = soft_targets.load_soft_targets(context.inputs[1].path)
    rows = targets.transfer_set(data.load_transfer_set(recipe))
    return transfer.soft_target_data(source, recipe.recovery, targets, rows, validation)
