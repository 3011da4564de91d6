"""Train the teacher: fine-tune a pretrained encoder, or train one from scratch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress.teacher.section import ExternalTeacher
from coldpress.teacher.sentence_teacher import sentence_digest
from coldpress.teacher.spec import content_digest
from tasks.bodies import train_teacher as body
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageSpec
from tasks.ranks.launch import in_ranks
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
    key_extras = {"model": content_digest(teacher.model)}
    if run.recipe.benchmark.kind == "sentence-embedding" or teacher.fit == "contrastive":
        key_extras["head"] = sentence_digest(teacher.model)
    processes = run.recipe.processes if body.trains(run.recipe) else 1
    spec = StageSpec(
        run, "train_teacher", body.section(run.recipe), key_extras=key_extras, processes=processes
    )
    return run_stage(spec, in_ranks(body.train, processes))
