"""Run a stage: reuse a cached result or compute it, and record it either way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger

from coldpress.errors import DivergedError, InputError, NonFiniteError
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.recipe.recipe import Recipe
from coldpress.schema.finite import check_all_finite
from coldpress.schema.stages import Stage
from tasks.environment import home
from tasks.environment.deferred_signals import defer_signals
from tasks.execution import cache_key, data, pipeline_run
from tasks.execution.progress import show_progress
from tasks.execution.single_flight import wait_for_turn
from tasks.tracking import artifacts, history, registry, runs
from tasks.tracking.results import StageResult

if TYPE_CHECKING:
    from coldpress.training.loop import ProgressCallback


@dataclass(frozen=True)
class StageSpec:
    """One stage of one recipe.

    Attributes:
        stage: Its name.
        module: The task's `__name__`; its code is part of the cache key.
        recipe: The whole recipe.
        section: The part of the recipe that this stage depends on.
        inputs: Results of earlier stages that this one uses.
        key_extras: Anything else that changes the result, such as the processor.
        may_reuse: Whether a stored result with this key may be reused.
    """

    stage: Stage
    module: str
    recipe: Recipe
    section: Any
    inputs: tuple[StageResult, ...] = ()
    key_extras: Mapping[str, str] = field(default_factory=dict)
    may_reuse: Callable[[StageResult], bool] = lambda _: True

    @property
    def ancestors(self) -> tuple[str, ...]:
        """Unique digests of all direct and indirect inputs."""
        digests = [d for i in self.inputs for d in (i.digest or "", *i.ancestors)]
        return tuple(dict.fromkeys(digest for digest in digests if digest))

    @property
    def key(self) -> str:
        """The cache key; equal keys mean equal results."""
        depends_on = {
            "section": self.section,
            "benchmark": data.load_benchmark(self.recipe).digest,
            "max_tokens": self.recipe.benchmark.max_tokens,
            "inputs": [result.digest for result in self.inputs],
            "seed": self.recipe.seed,
            "also": dict(self.key_extras),
        }
        return cache_key.stage_key(self.stage, self.module, depends_on)


@dataclass(frozen=True)
class StageContext:
    """Everything that a stage body needs to compute its result.

    Attributes:
        spec: The stage to run.
        target: Directory to which the checkpoint must be written.
        inputs: Opened checkpoints of `spec.inputs`, in the same order.
        run_id: The stage's MLflow run, for curves and figures.
        progress: To be called after each step.
    """

    spec: StageSpec
    target: Path
    inputs: Sequence[Checkpoint]
    run_id: str
    progress: ProgressCallback

    @property
    def parents(self) -> tuple[str, ...]:
        """Digests of the inputs."""
        return tuple(checkpoint.digest for checkpoint in self.inputs)

    def manifest(self, notes: Mapping[str, Any] | None = None) -> Manifest:
        """Return the manifest of the checkpoint: stage, parents and section of the recipe."""
        section = json.loads(cache_key.canonical_json(self.spec.section))
        return Manifest(
            stage=self.spec.stage, parents=self.parents, section=section, notes=dict(notes or {})
        )


StageBody = Callable[[StageContext], dict[str, float]]
"""Writes the checkpoint to `context.target` and returns the stage's metrics."""

Packager = Callable[[Path, Path], Path]
"""Packages a checkpoint as an MLflow model; called with the checkpoint and a new directory."""


@dataclass(frozen=True)
class _StageRun:
    """A stage, its open MLflow run, and the tags of all runs of the pipeline run."""

    spec: StageSpec
    run_id: str
    pipeline_tags: Mapping[str, str]


def run_stage(
    spec: StageSpec, body: StageBody, package: Packager = artifacts.package_torch
) -> StageResult:
    """Reuse or compute the result of a stage, and record it in an MLflow run.

    Args:
        spec: The stage.
        body: Computes the result if none is cached, or its files are damaged.
        package: Packages the checkpoint as an MLflow model.

    Returns:
        The result, with status `ran` or `reused`.
    """
    started = time.perf_counter()
    with _open_stage_run(spec) as run:
        wait_for_turn(spec.key, run.run_id, partial(get_run_logger().warning, "%s: %s", spec.stage))
        cached = _find_cached(spec)
        result = _reuse(run, cached) if cached else _execute(run, body, package)
        seconds = time.perf_counter() - started
        result = result.model_copy(update={"seconds": seconds, "ancestors": spec.ancestors})
        runs.log_metrics(run.run_id, {**result.metrics, "seconds": result.seconds})
        runs.log_lineage(run.run_id, spec.inputs, result.model_uri)
        runs.write_result(run.run_id, result)
    get_run_logger().info("%s: %s %s", spec.stage, result.status, result.registered or "")
    return result


@contextmanager
def _open_stage_run(spec: StageSpec) -> Iterator[_StageRun]:
    """Open the stage's run; its `key` tag is also its place in the queue."""
    pipeline = pipeline_run.current_run(spec.recipe)
    tags = {**pipeline.tags, "stage": spec.stage, "key": spec.key}
    with defer_signals():
        run_id = runs.open_run(pipeline.experiment_id, spec.stage, tags, parent=pipeline.run_id)
    with runs.managed_run(run_id):
        with defer_signals():
            runs.log_params(run_id, pipeline_run.flatten_section(spec.section))
            runs.set_description(run_id, pipeline_run.flow_run_link())
        yield _StageRun(spec, run_id, pipeline.tags)


def _find_cached(spec: StageSpec) -> StageResult | None:
    """Return the latest result with this key whose files still match their digest."""
    for result in filter(spec.may_reuse, history.results_with_key(spec.key)):
        if artifacts.is_intact(result.model_uri or "", result.digest or ""):
            return result
        name = result.registered or result.run_id
        get_run_logger().warning("%s: files of %s are missing or changed", spec.stage, name)
    return None


def _reuse(run: _StageRun, cached: StageResult) -> StageResult:
    """Record a cached result in this run, and register it if this recipe has not yet done so."""
    spec = run.spec
    runs.set_tags(run.run_id, {"reused_from": cached.run_id or ""})
    name = registry.registered_name(spec.recipe.name, spec.stage)
    registered = None
    if name is not None:
        tags = _version_tags(run, cached)
        registered = registry.register(name, cached.model_uri or "", run.run_id, tags)
    update = {"status": "reused", "run_id": run.run_id, "registered": registered}
    return cached.model_copy(update=update)


def _execute(run: _StageRun, body: StageBody, package: Packager) -> StageResult:
    spec = run.spec
    with home.workspace() as directory, ExitStack() as stack:
        inputs = [
            stack.enter_context(artifacts.open_checkpoint(r.model_uri or "")) for r in spec.inputs
        ]
        with show_progress(spec.stage) as progress:
            context = StageContext(
                spec, directory / artifacts.CHECKPOINT_FOLDER, inputs, run.run_id, progress
            )
            metrics = _run_body(spec.stage, body, context)
        checkpoint = Checkpoint.open(context.target)
        result = StageResult(
            stage=spec.stage,
            status="ran",
            digest=checkpoint.digest,
            parents=context.parents,
            metrics=metrics,
            run_id=run.run_id,
        )
        return _publish(run, result, checkpoint.path, package)


def _run_body(stage: Stage, body: StageBody, context: StageContext) -> dict[str, float]:
    """Compute the result; errors of non-finite numbers name the stage."""
    try:
        metrics = body(context)
        check_all_finite(metrics)
    except DivergedError as error:
        raise InputError(f"{stage}: {error}") from error
    except NonFiniteError as error:
        raise NonFiniteError(f"{stage}: {error}") from error
    return metrics


def _publish(
    run: _StageRun, result: StageResult, checkpoint: Path, package: Packager
) -> StageResult:
    """Store the checkpoint in MLflow, and register it if it is a model."""
    spec = run.spec
    digest = result.digest or ""
    name = registry.registered_name(spec.recipe.name, spec.stage)
    if name is None:
        uri = artifacts.log_checkpoint(run.run_id, checkpoint, spec.stage)
        return result.model_copy(update={"model_uri": uri})
    packed = package(checkpoint, checkpoint.parent / "packed")
    existing = registry.version_with_digest(name, digest)
    if existing is not None:
        # The same model was computed again since its files were lost: restore them in place.
        uri = artifacts.restore_files(str(existing.source), packed, digest)
    else:
        uri = artifacts.log_model(run.run_id, name, packed, spec.stage)
    registered = registry.register(name, uri, run.run_id, _version_tags(run, result))
    return result.model_copy(update={"model_uri": uri, "registered": registered})


def _version_tags(run: _StageRun, result: StageResult) -> dict[str, str]:
    return {
        **run.pipeline_tags,
        "stage": run.spec.stage,
        "digest": result.digest or "",
        registry.PARENTS_TAG: ",".join(result.parents),
        registry.ANCESTORS_TAG: ",".join(run.spec.ancestors),
        "run_id": run.run_id,
    }
