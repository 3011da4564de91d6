"""Run the stages of a pipeline run where its recipe places them: here, or on a work pool."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from prefect import Task, get_run_logger
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.states import Cancelling

from coldpress.errors import InputError, PlacedStageError
from coldpress.recipe.placement import stage_pools
from coldpress.schema.stages import Stage
from flows.stage import INVALID_INPUT
from flows.stage_deployment import ensure_deployment
from tasks.evaluate import evaluate
from tasks.execution import work_pools
from tasks.execution.placed_stage import reference_run
from tasks.tracking import history
from tasks.tracking.results import StageResult

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import State

    from tasks.execution.pipeline_run import PipelineRun

_POLL_SECONDS = 2.0
_PATIENCE_SECONDS = 600.0
"""How long a stage waits for a pool that could run it at the start, as while a machine restarts."""


@dataclass
class _Call:
    """A stage that runs on a work pool.

    Attributes:
        stage: The stage.
        pool: Name of the work pool.
        flow_run_id: The flow run of this stage.
        ready: When the pool could last start it, by `time.monotonic`.
    """

    stage: Stage
    pool: str
    flow_run_id: UUID
    ready: float = field(default_factory=time.monotonic)


def place(task: Task[..., StageResult], run: PipelineRun, *inputs: StageResult) -> StageResult:
    """Run a stage in this process, or on the work pool that the recipe names for it.

    Args:
        task: The stage's task; its name is that of the stage.
        run: The pipeline run.
        inputs: Results of earlier stages, the task's further parameters.

    Returns:
        The stage's result.

    Raises:
        InputError: The stage found invalid input there.
        PlacedStageError: The stage failed there, was cancelled, or found no worker.
    """
    stage = cast("Stage", task.fn.__name__)
    if not stage_pools(run.recipe, stage):
        return task(run, *inputs)
    return _run_on_pools(run, stage, inputs)[0]


def evaluate_on_pools(run: PipelineRun, models: Sequence[StageResult]) -> list[StageResult]:
    """Evaluate here, or on all work pools that the recipe names, at the same time.

    Args:
        run: The pipeline run.
        models: The results of all stages before.

    Returns:
        One result for each pool, in the order of the recipe.

    Raises:
        InputError: See `place`.
        PlacedStageError: See `place`.
    """
    if not stage_pools(run.recipe, "evaluate"):
        return [evaluate(run, models)]
    return _run_on_pools(run, "evaluate", models)


def _run_on_pools(
    run: PipelineRun, stage: Stage, inputs: Sequence[StageResult]
) -> list[StageResult]:
    """Run a stage on all of its pools at the same time; the first failure cancels the others."""
    calls: list[_Call] = []
    try:
        for pool in stage_pools(run.recipe, stage):
            calls.append(_start(run, stage, pool, inputs))  # noqa: PERF401 - for the clean-up
        _wait(calls)
    except BaseException:
        for call in calls:
            _cancel(call)
        raise
    return [_result(run, call) for call in calls]


def _start(run: PipelineRun, stage: Stage, pool: str, inputs: Sequence[StageResult]) -> _Call:
    parameters: dict[str, Any] = {
        "recipe": run.recipe.model_dump(mode="json"),
        "run": reference_run(run).model_dump(mode="json"),
        "stage": stage,
        "inputs": [result.model_dump(mode="json") for result in inputs],
    }
    name = f"{run.recipe.name} {stage}"
    flow_run: Any = run_deployment(
        ensure_deployment(pool), parameters=parameters, flow_run_name=name, timeout=0
    )
    get_run_logger().info("%s: runs on the work pool %s", stage, pool)
    return _Call(stage, pool, flow_run.id)


def _wait(calls: Sequence[_Call]) -> None:
    """Wait until all of them have completed.

    Raises:
        InputError: See `place`.
        PlacedStageError: See `place`.
    """
    pending = list(calls)
    with get_client(sync_client=True) as prefect:
        while True:
            pending = [call for call in pending if not _is_completed(prefect, call)]
            if not pending:
                return
            time.sleep(_POLL_SECONDS)


def _is_completed(prefect: SyncPrefectClient, call: _Call) -> bool:
    state = prefect.read_flow_run(call.flow_run_id).state
    if state is not None and state.is_final():
        _raise_failure(call, state)
        return True
    # A run that has begun needs no pool any more.
    begun = state is not None and state.is_running()
    obstacle = None if begun else work_pools.find_obstacle(prefect, call.pool)
    if obstacle is None:
        call.ready = time.monotonic()
    elif time.monotonic() - call.ready > _PATIENCE_SECONDS:
        raise PlacedStageError(f"{call.stage}: for {_PATIENCE_SECONDS:.0f} s, {obstacle}")
    return False


def _raise_failure(call: _Call, state: State) -> None:
    """Raise the error of a stage that ended otherwise than completed."""
    if state.is_completed():
        return
    message = " ".join((state.message or "").split())
    if state.is_failed() and message.startswith(INVALID_INPUT):
        raise InputError(message.removeprefix(INVALID_INPUT))
    ended = f"{call.stage}: {state.type.value.lower()} on the work pool {call.pool!r}"
    raise PlacedStageError(ended if state.is_cancelled() else f"{ended}: {message}")


def _cancel(call: _Call) -> None:
    """Cancel a stage that still runs; Prefect refuses to for one that has ended."""
    with suppress(Exception), get_client(sync_client=True) as prefect:
        state: State = Cancelling(message="The pipeline run has ended.")
        prefect.set_flow_run_state(call.flow_run_id, state)


def _result(run: PipelineRun, call: _Call) -> StageResult:
    """Read the result that a stage left in MLflow."""
    result = history.placed_result(str(call.flow_run_id), run.experiment_id)
    if result is None:
        raise PlacedStageError(f"{call.stage}: no result of the work pool {call.pool!r} in MLflow")
    return result
