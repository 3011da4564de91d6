"""Generate soft targets: compute the teacher's logits once, for all students."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress.data import leakage
from coldpress.teacher.section import ExternalTeacher
from coldpress.teacher.spec import content_digest
from tasks.environment.shard_folders import remove_shards, shard_folder
from tasks.execution import data
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageContext, StageSpec

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from coldpress.benchmark.loading import Benchmark
    from coldpress.data.splits import Split
    from coldpress.distillation.shards.job import ShardJob
    from coldpress.distillation.soft_targets import SoftTargets
    from coldpress.model.checkpoint import Manifest
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
    spec = StageSpec(run, "generate_soft_targets", _section(recipe), (teacher,))
    result = run_stage(spec, _generate)
    remove_shards(spec.key)
    return result


def _section(recipe: Recipe) -> dict[str, object]:
    """What changes the soft targets; the engine does not."""
    return {
        "hidden_states": recipe.soft_targets.hidden_states,
        "augment": recipe.soft_targets.augment,
        "unlabelled": data.unlabelled_digest(recipe),
        "others": _ensemble_section(recipe),
    }


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

    with new_checkpoint(context.target, _manifest(context)) as directory:
        soft_targets.save_soft_targets(targets, directory)
    return {"rows": len(targets.ids), **_entropy(context, [targets.logits])}


def _manifest(context: StageContext) -> Manifest:
    digest = data.load_benchmark(context.recipe).digest
    return context.manifest({"dataset_digest": digest, **context.spec.key_extras})


def _entropy(context: StageContext, logits: Iterable[Tensor]) -> dict[str, float]:
    """Return the mean entropy of the predictions, given the logits in parts."""
    from coldpress.distillation import soft_targets

    kind = data.load_benchmark(context.recipe).kind
    if not kind.has_labels:
        return {}
    units, total = 0, 0.0
    for part in logits:
        units += len(part)
        total += soft_targets.mean_entropy(part, kind.activation) * len(part)
    return {"entropy_nats": total / units}


def _ensemble_section(recipe: Recipe) -> dict[str, object] | None:
    """Settings of the additional teachers; the first one is an input of this stage."""
    if recipe.soft_targets.teachers == 1:
        return None
    teacher = recipe.model_teacher
    training = teacher.model_dump(mode="json", exclude={"model"})
    content = content_digest(teacher.model)
    return {"teachers": recipe.soft_targets.teachers, "model": content, **training}


def _generate(context: StageContext) -> dict[str, float]:
    from coldpress.distillation import soft_targets
    from coldpress.distillation.shards import job, merge
    from coldpress.model.checkpoint import new_checkpoint

    augmented, rows = _transfer_rows(context)
    folder = shard_folder(context.spec.key)
    job.write_rows(rows, folder)
    jobs = _compute_shards(context, folder)
    with new_checkpoint(context.target, _manifest(context)) as directory:
        merge.merge_shards(lambda: job.read_shards(jobs), rows, directory)
        if augmented is not None:
            soft_targets.save_augmented(augmented, directory)
    return {
        "rows": len(rows),
        **_entropy(context, (shard["logits"] for shard in job.read_shards(jobs))),
        **_leakage_metrics(context.recipe),
        **_ensemble_scores(jobs, data.load_benchmark(context.recipe)),
    }


def _transfer_rows(context: StageContext) -> tuple[Split | None, Split]:
    """Return the variants of training texts, if any, and all rows that need soft targets."""
    from coldpress.kinds.vectors import learns_vectors
    from coldpress.model import serialization

    recipe = context.recipe
    benchmark = data.load_benchmark(recipe)
    rows = data.load_transfer_set(recipe)
    augmented = None
    if recipe.soft_targets.augment is not None:
        teacher = serialization.load_classifier(context.inputs[0])
        variants = recipe.soft_targets.augment.make_variants(teacher, benchmark.train, recipe.seed)
        # A variant may happen to equal a test, validation or unlabelled text.
        variants = leakage.remove_leaked_rows(variants, benchmark.test, benchmark.validation).rows
        present = set(rows.ids)
        variants = variants.take([n for n, name in enumerate(variants.ids) if name not in present])
        augmented = variants if len(variants) else None
        rows = rows.concat(variants)
    if learns_vectors(benchmark.kind):
        rows = rows.concat(benchmark.validation)  # their targets, too, are the teacher's vectors
    return augmented, rows


def _compute_shards(context: StageContext, folder: Path) -> list[ShardJob]:
    """Compute the shards of all teachers, except those that a killed run has stored."""
    from coldpress.distillation.shards import job, local, ray_data

    section = context.recipe.soft_targets
    jobs = []
    for number, teacher in enumerate(_teachers(context, folder), 1):
        jobs.append(job.ShardJob(folder, teacher, number, section.hidden_states))
        if section.engine == "ray":
            ray_data.compute_shards(jobs[-1], section.num_gpus)
        else:
            local.compute_shards(jobs[-1])
    return jobs


def _teachers(context: StageContext, folder: Path) -> Iterator[Path]:
    """Yield the checkpoint of each teacher; those after the first are trained here."""
    from coldpress.distillation import ensemble
    from coldpress.model import serialization
    from coldpress.model.checkpoint import Manifest

    recipe = context.recipe
    yield context.inputs[0].path
    for number in range(2, recipe.soft_targets.teachers + 1):
        path = folder / f"teacher-{number}"
        if not path.exists():
            teacher = ensemble.train_another_teacher(
                number,
                recipe.model_teacher,
                data.load_benchmark(recipe),
                recipe.benchmark.max_tokens,
                recipe.seed,
                context.progress,
            )
            serialization.write_checkpoint(teacher, path, Manifest(stage="train_teacher"))
        yield path


def _leakage_metrics(recipe: Recipe) -> dict[str, float]:
    """Count the unlabelled rows that were left out as test or validation texts."""
    filtered = data.load_unlabelled(recipe)
    if filtered is None:
        return {}
    return {
        "unlabelled_test_texts": filtered.test,
        "unlabelled_validation_texts": filtered.validation,
    }


def _ensemble_scores(jobs: Sequence[ShardJob], benchmark: Benchmark) -> dict[str, float]:
    """Return the validation score of each teacher and of their average."""
    from coldpress.distillation import ensemble, soft_targets
    from coldpress.kinds.thresholds import fitted_margins
    from coldpress.model.checkpoint import Checkpoint
    from coldpress.model.serialization import load_classifier

    if len(jobs) == 1:
        return {}
    teachers = [
        soft_targets.compute_soft_targets(
            load_classifier(Checkpoint.open(job.teacher)), benchmark.validation
        )
        for job in jobs
    ]
    outputs = {f"teacher_{n}": targets.logits for n, targets in enumerate(teachers, 1)}
    outputs["ensemble"] = ensemble.average_soft_targets(teachers).logits
    kind = benchmark.kind
    targets = benchmark.validation.target_array
    margins = {name: fitted_margins(kind, o.numpy(), targets) for name, o in outputs.items()}
    return {
        f"{name}_validation_{kind.metrics[0].name}": kind.main_score(values, targets)
        for name, values in margins.items()
    }
