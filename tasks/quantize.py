"""Quantize: decide integer weights, scales and activation ranges, and simulate their accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress import processor
from coldpress.quantization.method import TrainedQuantization
from tasks import dataset, tracking
from tasks.stage import Order, Work, carry_out

if TYPE_CHECKING:
    from coldpress.model import Classifier
    from coldpress.quantization.method import Quantization
    from coldpress.recipe import Recipe
    from tasks.results import StageResult


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
    kernels = {"vnni": str(processor.has_vnni())}
    return Order("quantize", __name__, recipe, section, inputs, kernels)


def _make(work: Work) -> dict[str, float]:
    from coldpress import model, model_files, training
    from coldpress.checkpoint import writing
    from coldpress.encoding import encode
    from coldpress.quantization.arithmetic import arithmetic
    from coldpress.quantization.storage import save_quantized

    recipe, data = work.order.recipe, dataset.benchmark(work.order.recipe)
    training.reseed(recipe.seed, work.order.stage)
    source = model_files.load(work.inputs[0])
    validation = encode(source.tokenizer, data.validation)
    before = model.accuracy(source.logits(validation), data.validation.labels)
    quantized = _quantized(work, source)
    described = {"labels": source.labels, "shapes": source.shapes}
    notes = {"computes_in": [one.model_dump() for one in arithmetic(quantized)]}
    with writing(work.target, work.manifest(notes).model_copy(update=described)) as directory:
        save_quantized(quantized, directory)
    after = model.accuracy(quantized.logits(validation), data.validation.labels)
    return {"validation_accuracy": after, "validation_accuracy_before": before}


def _quantized(work: Work, source: Classifier) -> Classifier:
    from coldpress.encoding import encode

    recipe, method = work.order.recipe, work.order.recipe.quantize
    if isinstance(method, TrainedQuantization):
        return _trained(work, source, method)
    rows = encode(source.tokenizer, dataset.benchmark(recipe).train)
    return cast("Quantization", method).quantize(source, rows)


def _trained(work: Work, source: Classifier, method: TrainedQuantization) -> Classifier:
    """Let a method train on the transfer set, as the student and what was pruned have done."""
    from coldpress.distillation import answers, transfer
    from coldpress.quantization.method import Lessons

    recipe, given = work.order.recipe, answers.read(work.inputs[1].path)
    rows = given.transfer_set(dataset.transfer_set(recipe))
    validation = dataset.benchmark(recipe).validation
    shown = transfer.prepare(source, recipe.recovery, given, rows, validation)
    lessons = Lessons(shown.train, shown.loss, shown.validation, work.progress)
    trained = method.train(source, lessons)
    for step, epochs in trained.epochs.items():
        tracking.log_epochs(work.run_id, epochs, f"{step}_" if step else "")
    return trained.classifier
