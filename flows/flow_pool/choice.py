"""Choose where flow runs are: on this machine, or on the work pool of a Prefect server."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from prefect.settings import PREFECT_API_URL

from flows.flow_pool.jobs import FlowName, FlowPool
from flows.flow_pool.local_processes import LocalProcesses
from flows.flow_pool.restarts import RestartingPool
from flows.flow_pool.work_pool import WorkPool, check_deployments
from tasks.environment import credentials


def open_pool(flows: Sequence[FlowName], workers: int, report: Callable[[str], None]) -> FlowPool:
    """Return a pool: of processes if the Prefect server is the embedded one.

    Args:
        flows: Names of the flows that will be run.
        workers: Flow runs at a time.
        report: Called with a line for each job that is run again.

    Raises:
        InputError: The configured server has no deployment of a flow, or its work pool is paused.
    """
    if credentials.PREFECT_VARIABLE in os.environ:
        check_deployments(flows)
        return RestartingPool(WorkPool(), report)
    return RestartingPool(LocalProcesses(workers, PREFECT_API_URL.value() or ""), report)
