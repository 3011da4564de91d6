"""Distill the student: a smaller model, usually of the teacher's parts, trained on its outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coldpress.kinds.vectors import learns_vectors
from tasks.execution import data

if TYPE_CHECKING:
    from coldpress.data.splits import Split
    from coldpress.distillation import DistillationMethod
    from coldpress.distillation.soft_targets import SoftTargets
    from coldpress.model.classifier import Classifier
    from coldpress.recipe.recipe import Recipe
    from tasks.execution.body_context import BodyContext


def section(recipe: Recipe) -> DistillationMethod:
    """Return the method."""
    return recipe.recovery


def _choose_source(context: BodyContext, targets: SoftTargets, rows: Split) -> Classifier:
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


def distill(context: BodyContext) -> dict[str, float]:
    """Build the student from layers of the teacher or of another model, and train it.

    Args:
        context: Its inputs are the teacher, if its model is used, and the soft targets.

    Returns:
        The metrics of the stage.
    """
    from coldpress import ranks
    from coldpress.data.encoding import encode
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
    context.log_epochs(epochs, metric)
    if ranks.is_first():
        serialization.write_checkpoint(student, context.target, context.manifest())
    evaluated = training.validation
    if student.tokenizer is not source.tokenizer:  # a static student has fewer tokens
        read = encode(student.tokenizer, benchmark.validation)
        evaluated = replace(read, targets=evaluated.targets)
    return {
        f"validation_{metric}": classifier.score(student, evaluated),
        "parameters": classifier.count_parameters(student),
    }
