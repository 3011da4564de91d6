"""Quantize: choose integer weights, scales and activation ranges, and simulate the accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from coldpress.kinds import task_kind
from coldpress.kinds.vectors import learns_vectors
from tasks.execution import data

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import Quantization
    from coldpress.recipe.recipe import Recipe
    from coldpress.training.data import TrainingData
    from tasks.execution.body_context import BodyContext


def section(recipe: Recipe) -> object:
    """Return the method; only what learns depends on the recovery section."""
    if not needs_soft_targets(recipe):
        return recipe.quantize
    return {"quantize": recipe.quantize, "recovery": recipe.recovery}


def trains(recipe: Recipe) -> bool:
    """Return whether the method trains."""
    return recipe.quantize is not None and recipe.quantize.trains


def needs_soft_targets(recipe: Recipe) -> bool:
    """Return whether the method trains, or vectors of the teacher are all to measure it by."""
    return trains(recipe) or learns_vectors(task_kind(recipe.benchmark.task_kind_name))


def quantize(context: BodyContext) -> dict[str, float]:
    """Convert the weights to the integers that ONNX Runtime will use.

    Args:
        context: Its inputs are the model and, if they are needed, the soft targets.

    Returns:
        The metrics of the stage.
    """
    from coldpress import ranks
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
    context.log_epochs(epochs, metric)
    arithmetic = [group.model_dump() for group in describe_arithmetic(quantized)]
    notes = {"computes_in": arithmetic}
    manifest = serialization.describe_model(context.manifest(notes), source)
    if ranks.is_first():
        with new_checkpoint(context.target, manifest) as directory:
            save_quantized(quantized, directory)
    after = classifier.score(quantized, training.validation)
    return {f"validation_{metric}": after, f"validation_{metric}_before": before}


def _training_data(context: BodyContext, source: Classifier) -> TrainingData:
    """Return the transfer set with soft targets if they are needed, else the labelled rows."""
    from coldpress.distillation import soft_targets, transfer
    from coldpress.training.data import labelled_data

    recipe = context.recipe
    benchmark = data.load_benchmark(recipe)
    validation = benchmark.validation
    if not needs_soft_targets(recipe):
        return labelled_data(source, benchmark.train, validation)
    targets = soft_targets.load_soft_targets(context.inputs[1].path)
    rows = targets.transfer_set(data.load_transfer_set(recipe))
    return transfer.soft_target_data(source, recipe.recovery, targets, rows, validation)
