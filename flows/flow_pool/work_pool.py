"""Flow runs on the workers of a Prefect work pool, wherever these are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling

from coldpress.errors import InputError
from flows.flow_pool.jobs import Ended, FlowName, Job, Outcome, Started

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun, State

_POLL_SECONDS = 2.0
DEPLOYMENTS: dict[FlowName, str] = {"compress": "compress/blank", "trial": "trial/trial"}
"""The deployment of each flow, with parameters that the job sets."""


def check_deployments(flows: Iterable[FlowName]) -> None:
    """Check that the Prefect server can run flows on a work pool.

    Args:
        flows: Names of the flows.

    Raises:
        InputError: A deployment is missing, or its work pool is missing or paused.
    """
    with get_client(sync_client=True) as prefect:
        for name in (DEPLOYMENTS[flow] for flow in flows):
            try:
                deployment = prefect.read_deployment_by_name(name)
            except ObjectNotFound as error:
                raise InputError(
                    f"PREFECT_API_URL: the server has no deployment {name}; deploy it with"
                    " `prefect deploy --all --prefect-file deployments/prefect.yaml`"
                ) from error
            pool = deployment.work_pool_name
            if pool is None:
                raise InputError(f"PREFECT_API_URL: deployment {name} has no work pool")
            if prefect.read_work_pool(pool).is_paused:
                raise InputError(f"PREFECT_API_URL: work pool {pool} is paused")


class WorkPool:
    """Runs jobs as flow runs of deployments."""

    def __init__(self) -> None:
        """Start without jobs."""
        self._running: dict[str, Job] = {}
        self._started: deque[Started] = deque()

    def submit(self, job: Job, flow_run_id: str | None = None) -> None:
        """Schedule a flow run, unless an earlier process has; it begins when a worker is free."""
        if flow_run_id is None:
            flow_run = cast(
                "FlowRun",
                run_deployment(
                    DEPLOYMENTS[job.flow],
                    parameters=dict(job.parameters),
                    timeout=0,
                    as_subflow=False,
                ),
            )
            flow_run_id = str(flow_run.id)
        self._running[flow_run_id] = job
        self._started.append(Started(job, flow_run_id))

    def wait(self) -> Started | Ended:
        """Return the next event of any job."""
        while not self._started:
            for flow_run_id, job in list(self._running.items()):
                state = _read_state(flow_run_id)
                if state is None or state.is_final():
                    del self._running[flow_run_id]
                    return _to_event(job, flow_run_id, state)
            time.sleep(_POLL_SECONDS)
        return self._started.popleft()

    def close(self) -> None:
        """Cancel the flow runs that have not ended."""
        with get_client(sync_client=True) as prefect:
            for flow_run_id in self._running:
                prefect.set_flow_run_state(UUID(flow_run_id), Cancelling())


def _read_state(flow_run_id: str) -> State | None:
    """Return the state of a flow run; None if it was deleted."""
    with get_client(sync_client=True) as prefect:
        try:
            return prefect.read_flow_run(UUID(flow_run_id)).state
        except ObjectNotFound:
            return None


def _to_event(job: Job, flow_run_id: str, state: State | None) -> Ended:
    if state is None:
        return Ended(job, flow_run_id, "crashed", message="the flow run was deleted")
    name, message = state.name or "", state.message or ""
    if state.is_completed():
        return Ended(job, flow_run_id, "completed", name, message)
    if state.is_crashed() or state.is_cancelled():
        return Ended(job, flow_run_id, "crashed", name, message)
    outcome: Outcome = "invalid" if InputError.__name__ in message else "failed"
    return Ended(job, flow_run_id, outcome, name, message)
