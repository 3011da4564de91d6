"""Fine-tune a pretrained encoder, or train one from scratch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coldpress.kinds import task_kind
from coldpress.kinds.vectors import learns_vectors
from tasks.execution import data

if TYPE_CHECKING:
    from coldpress.recipe.recipe import Recipe
    from tasks.execution.body_context import BodyContext


def section(recipe: Recipe) -> dict[str, object]:
    """Return the settings of training; the model is identified by its content."""
    return recipe.model_teacher.model_dump(mode="json", exclude={"model"})


def trains(recipe: Recipe) -> bool:
    """Return whether anything is trained: teachers of vectors are used as they are."""
    kind = task_kind(recipe.benchmark.task_kind_name)
    return recipe.model_teacher.epochs > 0 and not learns_vectors(kind)


def train(context: BodyContext) -> dict[str, float]:
    """Train on the targets and keep the epoch with the best validation score.

    Args:
        context: Without inputs.

    Returns:
        The metrics of the stage.
    """
    from coldpress import ranks
    from coldpress.kinds.vectors import validation_metric
    from coldpress.model import classifier, serialization
    from coldpress.teacher import build
    from coldpress.training import loop
    from coldpress.training.data import labelled_data

    recipe = context.recipe
    if recipe.model_teacher.fit == "contrastive":
        return _train_contrastive(context)
    benchmark = data.load_benchmark(recipe)
    loop.reseed(recipe.seed, context.stage)
    plan = recipe.model_teacher
    teacher = build.build_teacher(plan, benchmark, recipe.benchmark.max_tokens)
    if learns_vectors(teacher.kind):
        serialization.write_checkpoint(teacher, context.target, context.manifest())
        return {"train_rows": len(benchmark.train)}
    rows = labelled_data(teacher, benchmark.train, benchmark.validation)
    train, validation = rows.train, rows.validation
    epochs = loop.fit(teacher, train, rows.loss, plan, validation, context.progress)
    if ranks.is_first():
        serialization.write_checkpoint(teacher, context.target, context.manifest())
    metric = validation_metric(teacher.kind).name
    context.log_epochs({"": epochs}, metric)
    return {
        f"validation_{metric}": classifier.score(teacher, validation),
        "truncated": train.truncated,
        "train_rows": len(train),
    }


def _train_contrastive(context: BodyContext) -> dict[str, float]:
    """Train on pairs of texts, for few labels."""
    from coldpress import ranks
    from coldpress.data.encoding import encode
    from coldpress.model import classifier, serialization
    from coldpress.teacher.contrastive import build_sentence_encoder
    from coldpress.training import contrastive, loop

    recipe = context.recipe
    plan = recipe.model_teacher
    benchmark = data.load_benchmark(recipe)
    loop.reseed(recipe.seed, context.stage)
    encoder = build_sentence_encoder(plan, benchmark, recipe.benchmark.max_tokens)
    train, validation = (
        encode(encoder.tokenizer, split) for split in (benchmark.train, benchmark.validation)
    )
    labels = contrastive.FewLabels(train, validation, benchmark.kind, benchmark.labels, plan.pairs)
    teacher, epochs = contrastive.fit_contrastive(encoder, labels, plan, context.progress)
    if ranks.is_first():
        serialization.write_checkpoint(teacher, context.target, context.manifest())
    metric = benchmark.kind.metrics[0].name
    context.log_epochs({"": epochs}, metric)
    return {
        f"validation_{metric}": classifier.score(teacher, validation),
        "truncated": train.truncated,
        "train_rows": len(train),
    }
