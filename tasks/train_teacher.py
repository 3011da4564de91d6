"""Train the teacher: fine-tune a pretrained encoder, or train one from scratch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress.teacher.section import ExternalTeacher
from coldpress.teacher.sentence_teacher import sentence_digest
from coldpress.teacher.spec import content_digest
from tasks.execution import data
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageContext, StageSpec
from tasks.tracking import curves
from tasks.tracking.results import StageResult

if TYPE_CHECKING:
    from tasks.execution.pipeline_run import PipelineRun


@task(name="train-teacher", cache_policy=NO_CACHE)
def train_teacher(run: PipelineRun) -> StageResult:
    """Train on the targets and keep the epoch with the best validation score.

    The stage is skipped if only the outputs of a teacher are used.
    """
    teacher = run.recipe.teacher
    if isinstance(teacher, ExternalTeacher):
        return StageResult(stage="train_teacher", status="skipped")
    section = teacher.model_dump(mode="json", exclude={"model"})
    key_extras = {"model": content_digest(teacher.model)}
    if run.recipe.benchmark.kind == "sentence-embedding" or teacher.fit == "contrastive":
        key_extras["head"] = sentence_digest(teacher.model)
    spec = StageSpec(run, "train_teacher", section, key_extras=key_extras)
    return run_stage(spec, _train)


def _train(context: StageContext) -> dict[str, float]:
    from coldpress.kinds.vectors import learns_vectors, validation_metric
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
    serialization.write_checkpoint(teacher, context.target, context.manifest())
    metric = validation_metric(teacher.kind).name
    curves.log_epochs(context.run_id, {"": epochs}, metric)
    return {
        f"validation_{metric}": classifier.score(teacher, validation),
        "truncated": train.truncated,
        "train_rows": len(train),
    }


def _train_contrastive(context: StageContext) -> dict[str, float]:
    """Train on pairs of texts, for few labels."""
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
    serialization.write_checkpoint(teacher, context.target, context.manifest())
    metric = benchmark.kind.metrics[0].name
    curves.log_epochs(context.run_id, {"": epochs}, metric)
    return {
        f"validation_{metric}": classifier.score(teacher, validation),
        "truncated": train.truncated,
        "train_rows": len(train),
    }
