"""Quantize: decide integer weights, scales and activation ranges, and simulate their accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress import cpu
from coldpress.quantization.method import QuantizationAwareTraining
from tasks.execution import data as dataset
from tasks.execution.stage import StageContext, StageSpec, run_stage
from tasks.tracking import runs

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import PostTrainingQuantization
    from coldpress.recipe.recipe import Recipe
    from tasks.tracking.results import StageResult


@task(name="quantize", cache_policy=NO_CACHE)
def quantize(recipe: Recipe, pruned: StageResult, soft_targets: StageResult) -> StageResult:
    """Turn weights into integers exactly as ONNX Runtime will use them."""
    if recipe.quantize is None:
        return pruned.skipped_as("quantize")
    return run_stage(_stage_spec(recipe, pruned, soft_targets), _quantize)


def _stage_spec(recipe: Recipe, pruned: StageResult, soft_targets: StageResult) -> StageSpec:
    """Only a method that trains depends on the teacher's answers and on how they are learnt."""
    section: object = recipe.quantize
    inputs: tuple[StageResult, ...] = (pruned,)
    if isinstance(recipe.quantize, QuantizationAwareTraining):
        section = {"quantize": recipe.quantize, "recovery": recipe.recovery}
        inputs = (pruned, soft_targets)
    kernels = {"vnni": str(cpu.has_vnni())}
    return StageSpec("quantize", __name__, recipe, section, inputs, kernels)


def _quantize(work: StageContext) -> dict[str, float]:
    from coldpress.data.encoding import encode
    from coldpress.model import classifier, serialization
    from coldpress.model.checkpoint import new_checkpoint
    from coldpress.quantization.core.storage import save_quantized
    from coldpress.quantization.precision import describe_arithmetic
    from coldpress.training import loop

    recipe, data = work.order.recipe, dataset.load_benchmark(work.order.recipe)
    loop.reseed(recipe.seed, work.order.stage)
    source = serialization.load_classifier(work.inputs[0])
    validation = encode(source.tokenizer, data.validation)
    before = classifier.accuracy(source.logits(validation), data.validation.labels)
    quantized = _apply_method(work, source)
    described = {"labels": source.labels, "shapes": source.shapes}
    notes = {"computes_in": [one.model_dump() for one in describe_arithmetic(quantized)]}
    with new_checkpoint(
        work.target, work.manifest(notes).model_copy(update=described)
    ) as directory:
        save_quantized(quantized, directory)
    after = classifier.accuracy(quantized.logits(validation), data.validation.labels)
    return {"validation_accuracy": after, "validation_accuracy_before": before}


def _apply_method(work: StageContext, source: Classifier) -> Classifier:
    from coldpress.data.encoding import encode

    recipe, method = work.order.recipe, work.order.recipe.quantize
    if isinstance(method, QuantizationAwareTraining):
        return _train_quantized(work, source, method)
    rows = encode(source.tokenizer, dataset.load_benchmark(recipe).train)
    return cast("PostTrainingQuantization", method).quantize(source, rows)


def _train_quantized(
    work: StageContext, source: Classifier, method: QuantizationAwareTraining
) -> Classifier:
    """Let a method train on the transfer set, as the student and what was pruned have done."""
    from coldpress.distillation import soft_targets as answers
    from coldpress.distillation import transfer
    from coldpress.quantization.method import TrainingContext

    recipe, given = work.order.recipe, answers.load_soft_targets(work.inputs[1].path)
    rows = given.transfer_set(dataset.load_transfer_set(recipe))
    validation = dataset.load_benchmark(recipe).validation
    shown = transfer.build_distillation_data(source, recipe.recovery, given, rows, validation)
    lessons = TrainingContext(shown.train, shown.loss, shown.validation, work.progress)
    trained = method.train(source, lessons)
    for step, epochs in trained.epochs.items():
        runs.log_epochs(work.run_id, epochs, f"{step}_" if step else "")
    return trained.classifier
