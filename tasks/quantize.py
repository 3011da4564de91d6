"""Quantize: decide integer weights, scales and activation ranges, and simulate their accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress import processor
from tasks import dataset
from tasks.stage import Order, Work, carry_out

if TYPE_CHECKING:
    from coldpress.recipe import Recipe
    from tasks.results import StageResult


@task(name="quantize", cache_policy=NO_CACHE)
def quantize(recipe: Recipe, pruned: StageResult) -> StageResult:
    """Turn weights into integers exactly as ONNX Runtime will use them."""
    if recipe.quantize is None:
        return pruned.passed_over("quantize")
    kernels = {"vnni": str(processor.has_vnni())}
    order = Order("quantize", __name__, recipe, recipe.quantize, (pruned,), kernels)
    return carry_out(order, _make)


def _make(work: Work) -> dict[str, float]:
    from coldpress import model, model_files, training
    from coldpress.checkpoint import writing
    from coldpress.encoding import encode
    from coldpress.quantization.storage import save_quantized

    recipe, data = work.order.recipe, dataset.benchmark(work.order.recipe)
    training.reseed(recipe.seed, work.order.stage)
    source = model_files.load(work.inputs[0])
    validation = encode(source.tokenizer, data.validation)
    before = model.accuracy(source.logits(validation), data.validation.labels)
    quantized = work.order.section.quantize(source, encode(source.tokenizer, data.train))
    described = {"labels": source.labels, "shapes": source.shapes}
    with writing(work.target, work.manifest().model_copy(update=described)) as directory:
        save_quantized(quantized, directory)
    after = model.accuracy(quantized.logits(validation), data.validation.labels)
    return {"validation_accuracy": after, "validation_accuracy_before": before}
