"""Train the teacher: fine-tune a pretrained encoder, or train one from scratch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress.teacher.spec import content_digest
from tasks.execution import data as dataset
from tasks.execution.stage import StageContext, StageSpec, run_stage
from tasks.tracking import runs

if TYPE_CHECKING:
    from coldpress.recipe.recipe import Recipe
    from tasks.tracking.results import StageResult


@task(name="train-teacher", cache_policy=NO_CACHE)
def train_teacher(recipe: Recipe) -> StageResult:
    """Fit the large model to the labels, and keep its best epoch by validation accuracy."""
    section = recipe.teacher.model_dump(mode="json", exclude={"model"})
    model = {"model": content_digest(recipe.teacher.model)}
    return run_stage(StageSpec("train_teacher", __name__, recipe, section, also=model), _train)


def _train(work: StageContext) -> dict[str, float]:
    import torch

    from coldpress.data.encoding import encode
    from coldpress.model import classifier, serialization
    from coldpress.teacher import build
    from coldpress.training import loop

    recipe, data = work.order.recipe, dataset.load_benchmark(work.order.recipe)
    loop.reseed(recipe.seed, work.order.stage)
    teacher = build.build_teacher(recipe.teacher, data, recipe.benchmark.max_tokens)
    train = encode(teacher.tokenizer, data.train)
    validation = encode(teacher.tokenizer, data.validation)
    loss = loop.label_loss(torch.from_numpy(train.labels))
    epochs = loop.fit(teacher, train, loss, recipe.teacher, validation, work.progress)
    serialization.write_checkpoint(teacher, work.target, work.manifest())
    runs.log_epochs(work.run_id, epochs)
    score = classifier.accuracy(teacher.logits(validation), data.validation.labels)
    return {"validation_accuracy": score, "truncated": train.truncated, "train_rows": len(train)}
