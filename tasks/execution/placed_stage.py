"""A stage that runs on another work pool than its pipeline run: references, and a watch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.states import Cancelling
from pydantic import BaseModel, ConfigDict

from coldpress.errors import InputError
from coldpress.recipe.recipe import Recipe
from tasks.environment import heartbeat
from tasks.execution import data
from tasks.execution.pipeline_run import PipelineRun
from tasks.execution.requester import flow_run_id
from tasks.tracking import parent_run
from tasks.tracking.history import PLACED_TAG, POOL_TAG


class RunReference(BaseModel):
    """A pipeline run, as its stages on other machines get it beside the recipe.

    Attributes:
        run_id: See `PipelineRun`.
        experiment_id: See `PipelineRun`.
        tags: See `PipelineRun`.
        dataset_digest: sha256 of the rows that the run read.
    """

    model_config = ConfigDict(frozen=True)

    run_id: str
    experiment_id: str
    tags: dict[str, str]
    dataset_digest: str


def reference_run(run: PipelineRun) -> RunReference:
    """Return the reference of a pipeline run."""
    digest = data.load_benchmark(run.recipe).digest
    return RunReference(
        run_id=run.run_id,
        experiment_id=run.experiment_id,
        tags=run.tags,
        dataset_digest=digest,
    )


def resume_run(recipe: Recipe, reference: RunReference) -> PipelineRun:
    """Return the pipeline run of a stage that runs in this process.

    Args:
        recipe: The recipe of the run.
        reference: What the run sent.

    Raises:
        InputError: The dataset on this machine has other rows than that of the run.
    """
    if data.load_benchmark(recipe).digest != reference.dataset_digest:
        raise InputError("benchmark.source: its rows on this worker are not those of the run")
    placed = {POOL_TAG: str(runtime.deployment.name), PLACED_TAG: flow_run_id()}
    return PipelineRun(
        recipe, reference.run_id, reference.experiment_id, reference.tags, stage_tags=placed
    )


@contextmanager
def cancel_with(run_id: str) -> Iterator[None]:
    """Cancel this flow run if its pipeline run ends while a block runs, killed or cancelled.

    Args:
        run_id: The pipeline run in MLflow.
    """
    stop = threading.Event()
    own_id = UUID(flow_run_id())

    def watch() -> None:
        while not stop.wait(heartbeat.INTERVAL_SECONDS):
            with suppress(Exception):  # an outage: the next look may succeed
                if not parent_run.is_in_progress(run_id):
                    _cancel(own_id)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        stop.set()


def _cancel(flow_run: UUID) -> None:
    """The worker then ends this process."""
    with get_client(sync_client=True) as prefect:
        prefect.set_flow_run_state(flow_run, Cancelling(message="The pipeline run has ended."))
