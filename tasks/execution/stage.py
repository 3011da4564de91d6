"""Run a stage: reuse a cached result or compute it, and record it either way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from prefect import get_run_logger

from coldpress.errors import DivergedError, InputError, NonFiniteError
from coldpress.model.checkpoint import Checkpoint
from coldpress.schema.finite import check_all_finite
from coldpress.schema.stages import Stage
from tasks.environment import home
from tasks.environment.deferred_signals import defer_signals
from tasks.execution import assets
from tasks.execution.pipeline_run import check_not_deleted, flatten_section, flow_run_link
from tasks.execution.progress import show_progress
from tasks.execution.single_flight import wait_for_turn
from tasks.execution.stage_spec import StageContext, StageSpec
from tasks.tracking import artifacts, history, registry, runs
from tasks.tracking.results import StageResult

StageBody = Callable[[StageContext], dict[str, float]]
"""Writes the checkpoint to `context.target` and returns the stage's metrics."""

Packager = Callable[[Path, Path], Path]
"""Packages a checkpoint as an MLflow model; called with the checkpoint and a new directory."""


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
    with _open_stage_run(spec) as run_id:
        cached = _find_cached(spec) or _wait_for_cached(spec, run_id)
        result = _reuse(spec, run_id, cached) if cached else _execute(spec, run_id, body, package)
        seconds = time.perf_counter() - started
        result = result.model_copy(update={"seconds": seconds, "ancestors": spec.ancestors})
        runs.log_lineage(run_id, spec.inputs, result.model_uri)
        origin = {"reused_from": cached.run_id or ""} if cached else {}
        runs.write_result(run_id, result, origin)
    assets.report_model(result, spec.inputs)
    get_run_logger().info("%s: %s %s", spec.stage, result.status, result.registered or "")
    return result


@contextmanager
def _open_stage_run(spec: StageSpec) -> Iterator[str]:
    """Open the stage's run; its `key` tag is also its place in the queue."""
    check_not_deleted(spec.run)
    tags = {**spec.run.tags, **spec.run.stage_tags, "stage": spec.stage, "key": spec.key}
    with defer_signals():
        run_id = runs.open_run(
            spec.run.experiment_id, spec.stage, tags, spec.run.run_id, flow_run_link()
        )
    with runs.managed_run(run_id):
        with defer_signals():
            runs.log_params(run_id, flatten_section(spec.section))
        yield run_id


def _find_cached(spec: StageSpec) -> StageResult | None:
    """Return the latest result in known experiments whose files still match their digest."""
    results = history.results_with_key(spec.key, in_known_experiments=True)
    return next(filter(_is_intact, filter(spec.may_reuse, results)), None)


def _wait_for_cached(spec: StageSpec, run_id: str) -> StageResult | None:
    """Return the result of a run that computes it, or of an experiment created in the meantime."""
    log = partial(get_run_logger().warning, "%s: %s", spec.stage)
    wait_for_turn(spec.key, run_id, log)
    for result in filter(spec.may_reuse, history.results_with_key(spec.key)):
        if _is_intact(result):
            return result
        log(f"files of {result.registered or result.run_id} are missing or changed")
    return None


def _is_intact(result: StageResult) -> bool:
    return artifacts.is_intact(result.model_uri or "", result.digest or "")


def _reuse(spec: StageSpec, run_id: str, cached: StageResult) -> StageResult:
    """Return a cached result as this run's, registered if this recipe has not yet done so."""
    update = {"status": "reused", "run_id": run_id, "registered": None}
    result = cached.model_copy(update=update)
    name = registry.registered_name(spec.run.recipe.name, spec.stage)
    if name is None:
        return result
    tags = _version_tags(spec, result)
    registered = registry.register(name, result.model_uri or "", run_id, tags)
    return result.model_copy(update={"registered": registered})


def _execute(spec: StageSpec, run_id: str, body: StageBody, package: Packager) -> StageResult:
    with home.workspace() as directory, ExitStack() as stack:
        inputs = [
            stack.enter_context(artifacts.open_checkpoint(r.model_uri or "")) for r in spec.inputs
        ]
        with show_progress(spec.stage) as progress:
            context = StageContext(
                spec, directory / artifacts.CHECKPOINT_FOLDER, inputs, run_id, progress
            )
            metrics = _run_body(spec.stage, body, context)
        checkpoint = Checkpoint.open(context.target)
        result = StageResult(
            stage=spec.stage,
            status="ran",
            digest=checkpoint.digest,
            parents=context.parents,
            metrics=metrics,
            run_id=run_id,
        )
        return _publish(spec, result, checkpoint.path, package)


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
    spec: StageSpec, result: StageResult, checkpoint: Path, package: Packager
) -> StageResult:
    """Store the checkpoint in MLflow, and register it if it is a model."""
    run_id = result.run_id or ""
    digest = result.digest or ""
    name = registry.registered_name(spec.run.recipe.name, spec.stage)
    if name is None:
        uri = artifacts.log_checkpoint(run_id, checkpoint, spec.stage)
        return result.model_copy(update={"model_uri": uri})
    packed = package(checkpoint, checkpoint.parent / "packed")
    existing = registry.version_with_digest(name, digest)
    if existing is not None:
        # The same model was computed again since its files were lost: restore them in place.
        uri = artifacts.restore_files(str(existing.source), packed, digest)
    else:
        uri = artifacts.log_model(run_id, name, packed, spec.stage)
    registered = registry.register(name, uri, run_id, _version_tags(spec, result))
    return result.model_copy(update={"model_uri": uri, "registered": registered})


def _version_tags(spec: StageSpec, result: StageResult) -> dict[str, str]:
    return {
        **spec.run.tags,
        "stage": spec.stage,
        "digest": result.digest or "",
        registry.PARENTS_TAG: ",".join(result.parents),
        registry.ANCESTORS_TAG: ",".join(spec.ancestors),
        "run_id": result.run_id or "",
    }
