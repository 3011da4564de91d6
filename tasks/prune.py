"""Prune: take heads, neurons or weights out of the student, step by step, and let it recover."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks import dataset, tracking
from tasks.stage import Order, Work, carry_out

if TYPE_CHECKING:
    from coldpress.recipe import Recipe
    from tasks.results import StageResult


@task(name="prune", cache_policy=NO_CACHE)
def prune(recipe: Recipe, student: StageResult, soft_targets: StageResult) -> StageResult:
    """Remove what the loss is least sensitive to; retrain on the soft targets after each step."""
    if not recipe.prune:
        return student.passed_over("prune")
    section = {"steps": recipe.prune, "recovery": recipe.recovery}
    return carry_out(Order("prune", __name__, recipe, section, (student, soft_targets)), _make)


def _make(work: Work) -> dict[str, float]:
    import torch

    from coldpress import model_files, training
    from coldpress.distillation import answers
    from coldpress.encoding import encode
    from coldpress.pruning.chain import Recovery, press

    recipe, data = work.order.recipe, dataset.benchmark(work.order.recipe)
    training.reseed(recipe.seed, work.order.stage)
    student = model_files.load(work.inputs[0])
    rows = dataset.transfer_set(recipe)
    train, validation = (encode(student.tokenizer, split) for split in (rows, data.validation))
    targets = answers.read(work.inputs[1].path).of(rows)
    loss = recipe.recovery.loss(targets, torch.from_numpy(train.labels))
    recovery = Recovery(train, loss, recipe.recovery, validation, work.progress)
    pressed = press(work.order.section["steps"], student, recovery)
    notes = {"steps": [str(report) for report in pressed.reports]}
    model_files.write(pressed.classifier, work.target, work.manifest(notes))
    for report in pressed.reports:
        tracking.log_epochs(work.run_id, report.epochs, f"{report.method}_")
    return pressed.metrics()
