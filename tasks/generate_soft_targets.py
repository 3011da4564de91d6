"""Generate soft targets: ask the teacher about every training example, once, for all students."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress.data import leakage
from coldpress.teacher.spec import content_digest
from tasks.execution import data as dataset
from tasks.execution.stage import StageContext, StageSpec, run_stage

if TYPE_CHECKING:
    from coldpress.distillation.soft_targets import SoftTargets
    from coldpress.model.classifier import Classifier
    from coldpress.recipe.recipe import Recipe
    from tasks.tracking.results import StageResult


@task(name="generate-soft-targets", cache_policy=NO_CACHE)
def generate_soft_targets(recipe: Recipe, teacher: StageResult) -> StageResult:
    """Keep the teacher's logits for the training rows, unlabelled ones, and variants of both."""
    section = {
        "hidden_states": recipe.soft_targets.hidden_states,
        "augment": recipe.soft_targets.augment,
        "unlabelled": dataset.unlabelled_digest(recipe),
        "others": _ensemble_section(recipe),
    }
    order = StageSpec("generate_soft_targets", __name__, recipe, section, (teacher,))
    return run_stage(order, _generate)


def _ensemble_section(recipe: Recipe) -> dict[str, object] | None:
    """What decides the teachers beside the first, which is an input of this stage."""
    if recipe.soft_targets.teachers == 1:
        return None
    fitting = recipe.teacher.model_dump(mode="json", exclude={"model"})
    content = content_digest(recipe.teacher.model)
    return {"teachers": recipe.soft_targets.teachers, "model": content, **fitting}


def _generate(work: StageContext) -> dict[str, float]:
    from coldpress.distillation import ensemble, soft_targets
    from coldpress.model import serialization
    from coldpress.model.checkpoint import new_checkpoint

    recipe, data = work.order.recipe, dataset.load_benchmark(work.order.recipe)
    plan, first = recipe.soft_targets, serialization.load_classifier(work.inputs[0])
    rows, made = dataset.load_transfer_set(recipe), None
    if plan.augment is not None:
        variants = plan.augment.make_variants(first, rows, recipe.seed)
        # By chance a variant may be a text to be judged on.
        made = leakage.remove_leaked_rows(variants, data.test, data.validation).rows
        rows = rows.concat(made)
    given, judged = [], []
    for teacher in (first, *_additional_teachers(work)):
        given.append(soft_targets.compute_soft_targets(teacher, rows, plan.hidden_states))
        judged.append(soft_targets.compute_soft_targets(teacher, data.validation))
    kept = replace(ensemble.average_soft_targets(given), augmented=made)
    with new_checkpoint(work.target, work.manifest({"dataset_digest": data.digest})) as directory:
        soft_targets.save_soft_targets(kept, directory)
    metrics = {"rows": len(rows), "entropy_nats": soft_targets.mean_entropy(kept.logits)}
    return metrics | _leakage_metrics(recipe) | _ensemble_accuracies(judged, data.validation.labels)


def _leakage_metrics(recipe: Recipe) -> dict[str, float]:
    """How many unlabelled rows nothing was learned from, as a model is judged or chosen by them."""
    found = dataset.load_unlabelled(recipe)
    if found is None:
        return {}
    return {"unlabelled_test_texts": found.test, "unlabelled_validation_texts": found.validation}


def _additional_teachers(work: StageContext) -> Iterator[Classifier]:
    from coldpress.distillation import ensemble

    recipe = work.order.recipe
    return ensemble.train_more_teachers(
        recipe.soft_targets.teachers - 1,
        recipe.teacher,
        dataset.load_benchmark(recipe),
        recipe.benchmark.max_tokens,
        recipe.seed,
        work.progress,
    )


def _ensemble_accuracies(judged: Sequence[SoftTargets], labels: Sequence[int]) -> dict[str, float]:
    """How good each teacher is on the validation rows, and all together."""
    from coldpress.distillation import ensemble
    from coldpress.model import classifier

    if len(judged) == 1:
        return {}
    named = {f"teacher_{n}": each.logits for n, each in enumerate(judged, 1)}
    named["ensemble"] = ensemble.average_soft_targets(judged).logits
    accuracies = {name: classifier.accuracy(logits, labels) for name, logits in named.items()}
    return {f"{name}_validation_accuracy": value for name, value in accuracies.items()}
