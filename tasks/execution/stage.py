"""How a stage is carried out: look it up, make it only if it is not there, record it either way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from prefect import get_run_logger

from coldpress.errors import DivergedError, InputError, NonFiniteError
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.recipe.recipe import Recipe
from coldpress.schema.finite import check_all_finite
from coldpress.schema.stages import Stage
from tasks.environment import home
from tasks.environment.deferred_signals import defer_signals
from tasks.execution import cache_key, data, pipeline_run
from tasks.execution.progress import ProgressCallback, show_progress
from tasks.execution.single_flight import wait_for_turn
from tasks.tracking import artifacts, history, registry, runs
from tasks.tracking.results import StageResult


@dataclass(frozen=True)
class StageSpec:
    """One stage of one recipe.

    Attributes:
        stage: Its name.
        module: The task's `__name__`: its code is part of the cache key.
        recipe: The whole recipe.
        section: The part of it that decides this stage.
        inputs: Results of the stages before that it builds on.
        also: Whatever else changes the outcome, such as the processor.
        may_reuse: Whether a result that has this key may be taken instead of making it again.
    """

    stage: Stage
    module: str
    recipe: Recipe
    section: Any
    inputs: tuple[StageResult, ...] = ()
    also: Mapping[str, str] = field(default_factory=dict)
    may_reuse: Callable[[StageResult], bool] = lambda _: True

    @property
    def ancestors(self) -> tuple[str, ...]:
        """Digests of all that goes into it, directly or through its inputs, each once."""
        every = [d for i in self.inputs for d in (i.digest or "", *i.ancestors)]
        return tuple(dict.fromkeys(digest for digest in every if digest))

    @property
    def key(self) -> str:
        """The cache key: equal keys, equal results."""
        depends_on = {
            "section": self.section,
            "benchmark": data.load_benchmark(self.recipe).digest,
            "max_tokens": self.recipe.benchmark.max_tokens,
            "inputs": [result.digest for result in self.inputs],
            "seed": self.recipe.seed,
            "also": dict(self.also),
        }
        return cache_key.stage_key(self.stage, self.module, depends_on)


@dataclass(frozen=True)
class StageContext:
    """What a stage is given to make its result with.

    Attributes:
        order: What is to be made.
        target: Where the checkpoint must be written, whole.
        inputs: Opened checkpoints of the order's inputs, in their order.
        run_id: The stage's MLflow run, for curves and figures.
        progress: To be told after each step.
    """

    order: StageSpec
    target: Path
    inputs: Sequence[Checkpoint]
    run_id: str
    progress: ProgressCallback

    @property
    def parents(self) -> tuple[str, ...]:
        """Digests of the inputs."""
        return tuple(checkpoint.digest for checkpoint in self.inputs)

    def manifest(self, notes: Mapping[str, Any] | None = None) -> Manifest:
        """Say what is being made, of what, by which section of the recipe."""
        section = json.loads(cache_key.canonical_json(self.order.section))
        return Manifest(
            stage=self.order.stage, parents=self.parents, section=section, notes=dict(notes or {})
        )


StageBody = Callable[[StageContext], dict[str, float]]
"""Writes the checkpoint at `work.target` and returns the stage's metrics."""

Packager = Callable[[Path, Path], Path]
"""Lays a checkpoint out as an MLflow model: from the checkpoint, to a new directory."""


@dataclass(frozen=True)
class _StageRun:
    """An order and the MLflow run that records how it was carried out.

    Attributes:
        order: What is wanted.
        run_id: The open run.
        chain_tags: What the chain gives each of its runs and versions.
    """

    order: StageSpec
    run_id: str
    chain_tags: Mapping[str, str]


def run_stage(
    order: StageSpec, make: StageBody, pack: Packager = artifacts.package_torch
) -> StageResult:
    """Find a stage's result or make it, and record it in a run of its own.

    Args:
        order: What is wanted.
        make: Makes it when it is not there, or no longer intact.
        pack: How its checkpoint becomes an MLflow model.

    Returns:
        The result, with status `ran` or `reused`.
    """
    started = time.perf_counter()
    with _open_stage_run(order) as run:
        wait_for_turn(order.key, run.run_id, partial(_log_waiting, order.stage))
        found = _find_cached(order)
        result = _reuse(run, found) if found else _execute(run, make, pack)
        seconds = time.perf_counter() - started
        result = result.model_copy(update={"seconds": seconds, "ancestors": order.ancestors})
        runs.log_metrics(run.run_id, {**result.metrics, "seconds": result.seconds})
        runs.log_lineage(run.run_id, order.inputs, result.model_uri)
        runs.write_result(run.run_id, result)
    get_run_logger().info("%s: %s %s", order.stage, result.status, result.registered or "")
    return result


def _log_waiting(stage: Stage, what: str) -> None:
    get_run_logger().warning("%s: %s", stage, what)


@contextmanager
def _open_stage_run(order: StageSpec) -> Iterator[_StageRun]:
    """Open the stage's run; its key tag is also its place in the queue."""
    pressed = pipeline_run.current_run(order.recipe)
    tags = {**pressed.tags, "stage": order.stage, "key": order.key}
    with defer_signals():
        run_id = runs.open_run(pressed.experiment_id, order.stage, tags, parent=pressed.run_id)
    with runs.managed_run(run_id):
        with defer_signals():
            runs.log_params(run_id, pipeline_run.flatten_section(order.section))
            runs.set_description(run_id, pipeline_run.flow_run_link())
        yield _StageRun(order, run_id, pressed.tags)


def _find_cached(order: StageSpec) -> StageResult | None:
    """Return the latest result with this key whose files still have their digest."""
    for result in filter(order.may_reuse, history.results_with_key(order.key)):
        if artifacts.is_intact(result.model_uri or "", result.digest or ""):
            return result
        lost = result.registered or result.run_id
        get_run_logger().warning("%s: files of %s are gone or changed", order.stage, lost)
    return None


def _reuse(run: _StageRun, found: StageResult) -> StageResult:
    """Take a result over into this run, and register it if this recipe has not."""
    order, run_id = run.order, run.run_id
    runs.set_tags(run_id, {"reused_from": found.run_id or ""})
    name = registry.registered_name(order.recipe.name, order.stage)
    registered = None
    if name is not None:
        tags = _version_tags(run, found)
        registered = registry.register(name, found.model_uri or "", run_id, tags)
    return found.model_copy(update={"status": "reused", "run_id": run_id, "registered": registered})


def _execute(run: _StageRun, make: StageBody, pack: Packager) -> StageResult:
    order = run.order
    with home.workspace() as directory, ExitStack() as opened:
        inputs = [
            opened.enter_context(artifacts.open_checkpoint(r.model_uri or "")) for r in order.inputs
        ]
        with show_progress(order.stage) as progress:
            work = StageContext(
                order, directory / artifacts.CHECKPOINT_FOLDER, inputs, run.run_id, progress
            )
            metrics = _run_body(order.stage, make, work)
        made = Checkpoint.open(work.target)
        result = StageResult(
            stage=order.stage,
            status="ran",
            digest=made.digest,
            parents=work.parents,
            metrics=metrics,
            run_id=run.run_id,
        )
        return _publish(run, result, made.path, pack)


def _run_body(stage: Stage, make: StageBody, work: StageContext) -> dict[str, float]:
    """Make a result and say of which stage a number is that cannot be stored."""
    try:
        metrics = make(work)
        check_all_finite(metrics)
    except DivergedError as error:
        raise InputError(f"{stage}: {error}") from error
    except NonFiniteError as error:
        raise NonFiniteError(f"{stage}: {error}") from error
    return metrics


def _publish(run: _StageRun, result: StageResult, checkpoint: Path, pack: Packager) -> StageResult:
    """Put what was made into the artifact store, and into the registry if it is a model."""
    order, run_id, digest = run.order, run.run_id, result.digest or ""
    name = registry.registered_name(order.recipe.name, order.stage)
    if name is None:
        uri = artifacts.log_checkpoint(run_id, checkpoint, order.stage)
        return result.model_copy(update={"model_uri": uri})
    packed = pack(checkpoint, checkpoint.parent / "packed")
    known = registry.version_with_digest(name, digest)
    if known is not None:
        # The same model again, because its files were lost: they are put back where they were.
        uri = artifacts.restore_files(str(known.source), packed, digest)
    else:
        uri = artifacts.log_model(run_id, name, packed, order.stage)
    registered = registry.register(name, uri, run_id, _version_tags(run, result))
    return result.model_copy(update={"model_uri": uri, "registered": registered})


def _version_tags(run: _StageRun, result: StageResult) -> dict[str, str]:
    own = {
        "stage": run.order.stage,
        "digest": result.digest or "",
        registry.PARENTS_TAG: ",".join(result.parents),
        registry.ANCESTORS_TAG: ",".join(run.order.ancestors),
    }
    return {**run.chain_tags, **own, "run_id": run.run_id}
