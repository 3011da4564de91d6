"""Quantize: choose integer weights, scales and activation ranges, and simulate the accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress import cpu
from coldpress.quantization.method import QuantizationAwareTraining
from tasks.execution import data
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageContext, StageSpec
from tasks.tracking import runs

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import PostTrainingQuantization
    from tasks.execution.pipeline_run import PipelineRun
    from tasks.tracking.results import StageResult


@task(name="quantize", cache_policy=NO_CACHE)
def quantize(run: PipelineRun, pruned: StageResult, soft_targets: StageResult) -> StageResult:
    """Convert the weights to the integers that ONNX Runtime will use."""
    if run.recipe.quantize is None:
        return pruned.skipped_as("quantize")
    return run_stage(_stage_spec(run, pruned, soft_targets), _quantize)


def _stage_spec(run: PipelineRun, pruned: StageResult, soft_targets: StageResult) -> StageSpec:
    """Only a method that trains depends on the soft targets and the recovery section."""
    recipe = run.recipe
    section: object = recipe.quantize
    inputs: tuple[StageResult, ...] = (pruned,)
    if isinstance(recipe.quantize, QuantizationAwareTraining):
        section = {"quantize": recipe.quantize, "recovery": recipe.recovery}
        inputs = (pruned, soft_targets)
    kernels = {"vnni": str(cpu.has_vnni())}
    return StageSpec(run, "quantize", section, inputs, kernels)


def _quantize(context: StageContext) -> dict[str, float]:
    from coldpress.data.encoding import encode
    from coldpress.model import classifier, serialization
    from coldpress.model.checkpoint import new_checkpoint
    from coldpress.quantization.core.storage import save_quantized
    from coldpress.quantization.precision import describe_arithmetic
    from coldpress.training import loop

    recipe = context.recipe
    benchmark = data.load_benchmark(recipe)
    loop.reseed(recipe.seed, context.stage)
    source = serialization.load_classifier(context.inputs[0])
    validation = encode(source.tokenizer, benchmark.validation)
    before = classifier.accuracy(source.logits(validation), benchmark.validation.labels)
    quantized = _apply_method(context, source)
    arithmetic = [group.model_dump() for group in describe_arithmetic(quantized)]
    manifest = context.manifest({"computes_in": arithmetic})
    manifest = manifest.model_copy(update={"labels": source.labels, "shapes": source.shapes})
    with new_checkpoint(context.target, manifest) as directory:
        save_quantized(quantized, directory)
    after = classifier.accuracy(quantized.logits(validation), benchmark.validation.labels)
    return {"validation_accuracy": after, "validation_accuracy_before": before}


def _apply_method(context: StageContext, source: Classifier) -> Classifier:
    from coldpress.data.encoding import encode

    recipe = context.recipe
    method = recipe.quantize
    if isinstance(method, QuantizationAwareTraining):
        return _train_quantized(context, source, method)
    rows = encode(source.tokenizer, data.load_benchmark(recipe).train)
    return cast("PostTrainingQuantization", method).quantize(source, rows)


def _train_quantized(
    context: StageContext, source: Classifier, method: QuantizationAwareTraining
) -> Classifier:
    """Train on the transfer set, as distillation and pruning do."""
    from coldpress.distillation import soft_targets, transfer
    from coldpress.quantization.method import TrainingContext

    recipe = context.recipe
    targets = soft_targets.load_soft_targets(context.inputs[1].path)
    rows = targets.transfer_set(data.load_transfer_set(recipe))
    validation = data.load_benchmark(recipe).validation
    prepared = transfer.build_distillation_data(source, recipe.recovery, targets, rows, validation)
    training = TrainingContext(prepared.train, prepared.loss, prepared.validation, context.progress)
    quantized = method.train(source, training)
    for step, epochs in quantized.epochs.items():
        runs.log_epochs(context.run_id, epochs, f"{step}_" if step else "")
    return quantized.classifier
