"""Quantize: decide integer weights, scales and activation ranges, and simulate their accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress import cpu
from coldpress.quantization.method import TrainedQuantization
from tasks.execution import data as dataset
from tasks.execution.stage import Order, Work, carry_out
from tasks.tracking import runs

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import Quantization
    from coldpress.recipe.recipe import Recipe
    from tasks.tracking.results import StageResult


@task(name="quantize", cache_policy=NO_CACHE)
def quantize(recipe: Recipe, pruned: StageResult, soft_targets: StageResult) -> StageResult:
    """Turn weights into integers exactly as ONNX Runtime will use them."""
    if recipe.quantize is None:
        return pruned.passed_over("quantize")
    return carry_out(_order(recipe, pruned, soft_targets), _make)


def _order(recipe: Recipe, pruned: StageResult, soft_targets: StageResult) -> Order:
    """Only a method that trains depends on the teacher's answers and on how they are learnt."""
    section: object = recipe.quantize
    inputs: tuple[StageResult, ...] = (pruned,)
    if isinstance(recipe.quantize, TrainedQuantization):
        section = {"quantize": recipe.quantize, "recovery": recipe.recovery}
        inputs = (pruned, soft_targets)
    kernels = {"vnni": str(cpu.has_vnni())}
    return Order("quantize", __name__, recipe, section, inputs, kernels)


def _make(work: Work) -> dict[str, float]:
    from coldpress.data.encoding import encode
    from coldpress.model import classifier, serialization
    from coldpress.model.checkpoint import writing
    from coldpress.quantization.core.storage import save_quantized
    from coldpress.quantization.precision import arithmetic
    from coldpress.training import loop

    recipe, data = work.order.recipe, dataset.benchmark(work.order.recipe)
    loop.reseed(recipe.seed, work.order.stage)
    source = serialization.load(work.inputs[0])
    validation = encode(source.tokenizer, data.validation)
    before = classifier.accuracy(source.logits(validation), data.validation.labels)
    quantized = _quantized(work, source)
    described = {"labels": source.labels, "shapes": source.shapes}
    notes = {"computes_in": [one.model_dump() for one in arithmetic(quantized)]}
    with writing(work.target, work.manifest(notes).model_copy(update=described)) as directory:
        save_quantized(quantized, directory)
    after = classifier.accuracy(quantized.logits(validation), data.validation.labels)
    return {"validation_accuracy": after, "validation_accuracy_before": before}


def _quantized(work: Work, source: Classifier) -> Classifier:
    from coldpress.data.encoding import encode

    recipe, method = work.order.recipe, work.order.recipe.quantize
    if isinstance(method, TrainedQuantization):
        return _trained(work, source, method)
    rows = encode(source.tokenizer, dataset.benchmark(recipe).train)
    return cast("Quantization", method).quantize(source, rows)


def _trained(work: Work, source: Classifier, method: TrainedQuantization) -> Classifier:
    """Let a method train on the transfer set, as the student and what was pruned have done."""
    from coldpress.distillation import soft_targets as answers
    from coldpress.distillation import transfer
    from coldpress.quantization.method import Lessons

    recipe, given = work.order.recipe, answers.read(work.inputs[1].path)
    rows = given.transfer_set(dataset.transfer_set(recipe))
    validation = dataset.benchmark(recipe).validation
    shown = transfer.prepare(source, recipe.recovery, given, rows, validation)
    lessons = Lessons(shown.train, shown.loss, shown.validation, work.progress)
    trained = method.train(source, lessons)
    for step, epochs in trained.epochs.items():
        runs.log_epochs(work.run_id, epochs, f"{step}_" if step else "")
    return trained.classifier
