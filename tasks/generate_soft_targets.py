"""Generate soft targets: compute the teacher's logits once, for all students."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress.data import leakage
from coldpress.teacher.section import ExternalTeacher
from coldpress.teacher.spec import content_digest
from tasks.execution import data
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageContext, StageSpec

if TYPE_CHECKING:
    from coldpress.benchmark.loading import Benchmark
    from coldpress.distillation.soft_targets import SoftTargets
    from coldpress.model.classifier import Classifier
    from coldpress.recipe.recipe import Recipe
    from tasks.execution.pipeline_run import PipelineRun
    from tasks.tracking.results import StageResult


@task(name="generate-soft-targets", cache_policy=NO_CACHE)
def generate_soft_targets(run: PipelineRun, teacher: StageResult) -> StageResult:
    """Store the teacher's logits for training rows, unlabelled rows and variants of both."""
    recipe = run.recipe
    if isinstance(recipe.teacher, ExternalTeacher):
        splits = ("train", "validation", "unlabelled")
        extras = {"answers": data.teacher_digest(recipe.teacher, *splits)}
        answers = {"unlabelled": data.unlabelled_digest(recipe)}
        return run_stage(
            StageSpec(run, "generate_soft_targets", answers, key_extras=extras), _store_answers
        )
    section = {
        "hidden_states": recipe.soft_targets.hidden_states,
        "augment": recipe.soft_targets.augment,
        "unlabelled": data.unlabelled_digest(recipe),
        "others": _ensemble_section(recipe),
    }
    spec = StageSpec(run, "generate_soft_targets", section, (teacher,))
    return run_stage(spec, _generate)


def _store_answers(context: StageContext) -> dict[str, float]:
    """Store answers from files, or of a model that is not registered, as soft targets."""
    from coldpress.distillation import answered_targets

    recipe = context.recipe
    benchmark = data.load_benchmark(recipe)
    answers, unlabelled = data.load_answers(recipe), data.load_unlabelled(recipe)
    if answers is None:
        raise TypeError("teacher: not known by its answers")
    parts = answers.training_rows(benchmark, None if unlabelled is None else unlabelled.rows)
    targets = answered_targets.join_answers(parts)
    return {
        **_save(context, targets),
        "unanswered_rows": len(targets.unanswered),
        **_leakage_metrics(recipe),
    }


def _save(context: StageContext, targets: SoftTargets) -> dict[str, float]:
    """Write soft targets, and return what is measured of them."""
    from coldpress.distillation import soft_targets
    from coldpress.model.checkpoint import new_checkpoint

    benchmark = data.load_benchmark(context.recipe)
    manifest = context.manifest({"dataset_digest": benchmark.digest, **context.spec.key_extras})
    with new_checkpoint(context.target, manifest) as directory:
        soft_targets.save_soft_targets(targets, directory)
    metrics: dict[str, float] = {"rows": len(targets.ids)}
    if benchmark.kind.has_labels:
        activation = benchmark.kind.activation
        metrics["entropy_nats"] = soft_targets.mean_entropy(targets.logits, activation)
    return metrics


def _ensemble_section(recipe: Recipe) -> dict[str, object] | None:
    """Settings of the additional teachers; the first one is an input of this stage."""
    if recipe.soft_targets.teachers == 1:
        return None
    teacher = recipe.model_teacher
    training = teacher.model_dump(mode="json", exclude={"model"})
    content = content_digest(teacher.model)
    return {"teachers": recipe.soft_targets.teachers, "model": content, **training}


def _generate(context: StageContext) -> dict[str, float]:
    from coldpress.distillation import ensemble, soft_targets
    from coldpress.kinds.vectors import learns_vectors
    from coldpress.model import serialization

    recipe = context.recipe
    section = recipe.soft_targets
    benchmark = data.load_benchmark(recipe)
    first = serialization.load_classifier(context.inputs[0])
    rows = data.load_transfer_set(recipe)
    augmented = None
    if section.augment is not None:
        variants = section.augment.make_variants(first, rows, recipe.seed)
        # A variant may happen to equal a test or validation text.
        augmented = leakage.remove_leaked_rows(variants, benchmark.test, benchmark.validation).rows
        rows = rows.concat(augmented)
    if learns_vectors(benchmark.kind):
        rows = rows.concat(benchmark.validation)  # their targets, too, are the teacher's vectors
    training: list[SoftTargets] = []
    validation: list[SoftTargets] = []
    for teacher in (first, *_additional_teachers(context)):
        training.append(soft_targets.compute_soft_targets(teacher, rows, section.hidden_states))
        validation.append(soft_targets.compute_soft_targets(teacher, benchmark.validation))
    averaged = replace(ensemble.average_soft_targets(training), augmented=augmented)
    metrics = _save(context, averaged)
    return metrics | _leakage_metrics(recipe) | _ensemble_scores(validation, benchmark)


def _leakage_metrics(recipe: Recipe) -> dict[str, float]:
    """Count the unlabelled rows that were left out as test or validation texts."""
    filtered = data.load_unlabelled(recipe)
    if filtered is None:
        return {}
    return {
        "unlabelled_test_texts": filtered.test,
        "unlabelled_validation_texts": filtered.validation,
    }


def _additional_teachers(context: StageContext) -> Iterator[Classifier]:
    from coldpress.distillation import ensemble

    recipe = context.recipe
    return ensemble.train_more_teachers(
        recipe.soft_targets.teachers - 1,
        recipe.model_teacher,
        data.load_benchmark(recipe),
        recipe.benchmark.max_tokens,
        recipe.seed,
        context.progress,
    )


def _ensemble_scores(teachers: Sequence[SoftTargets], benchmark: Benchmark) -> dict[str, float]:
    """Return the validation score of each teacher and of their average."""
    from coldpress.distillation import ensemble
    from coldpress.kinds.thresholds import fitted_margins

    if len(teachers) == 1:
        return {}
    outputs = {f"teacher_{n}": targets.logits for n, targets in enumerate(teachers, 1)}
    outputs["ensemble"] = ensemble.average_soft_targets(teachers).logits
    kind = benchmark.kind
    targets = benchmark.validation.target_array
    margins = {name: fitted_margins(kind, o.numpy(), targets) for name, o in outputs.items()}
    return {
        f"{name}_validation_{kind.metrics[0].name}": kind.main_score(values, targets)
        for name, values in margins.items()
    }
