"""Generate soft targets: ask the teacher about every training example, once, for all students."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks import dataset
from tasks.stage import Order, Work, carry_out

if TYPE_CHECKING:
    from coldpress.recipe import Recipe
    from tasks.results import StageResult


@task(name="generate-soft-targets", cache_policy=NO_CACHE)
def generate_soft_targets(recipe: Recipe, teacher: StageResult) -> StageResult:
    """Keep the teacher's logits for the training rows, unlabelled ones, and variants of both."""
    section = {
        "hidden_states": recipe.soft_targets.hidden_states,
        "augment": recipe.soft_targets.augment,
        "unlabelled": dataset.unlabelled_digest(recipe),
    }
    order = Order("generate_soft_targets", __name__, recipe, section, (teacher,))
    return carry_out(order, _make)


def _make(work: Work) -> dict[str, float]:
    from coldpress import model_files
    from coldpress.checkpoint import writing
    from coldpress.distillation import answers

    recipe = work.order.recipe
    notes = {"dataset_digest": dataset.benchmark(recipe).digest}
    teacher = model_files.load(work.inputs[0])
    rows, made = dataset.transfer_set(recipe), None
    if recipe.soft_targets.augment is not None:
        made = recipe.soft_targets.augment.more(teacher, rows, recipe.seed)
        rows = rows.followed_by(made)
    given = answers.answer(teacher, rows, recipe.soft_targets.hidden_states)
    with writing(work.target, work.manifest(notes)) as directory:
        answers.write(replace(given, augmented=made), directory)
    return {"rows": len(rows), "entropy_nats": answers.entropy(given.logits)}
