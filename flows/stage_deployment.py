"""The deployment `stage` of a work pool, made when a run first places a stage on the pool."""

from __future__ import annotations

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.utilities.callables import parameter_schema

from flows.stage import stage

_TAGS = ["coldpress", "stage"]
"""Automations watch flow runs with the first one."""
_JOB_VARIABLES = {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}}
"""As in deployments/prefect.yaml."""


def ensure_deployment(pool: str) -> UUID:
    """Create or update the deployment whose flow runs a pool's workers start.

    Pools come and go after `coldpress up`, so it is not among those of deployments/prefect.yaml.

    Args:
        pool: Name of an existing work pool.

    Returns:
        The deployment's id.
    """
    with get_client(sync_client=True) as prefect:
        return prefect.create_deployment(
            flow_id=prefect.create_flow(stage),
            name=pool,
            description=f"**One stage of a run**, on the work pool {pool}. Runs start it.",
            entrypoint=f"{stage.fn.__module__}.{stage.fn.__name__}",
            work_pool_name=pool,
            tags=_TAGS,
            job_variables=_JOB_VARIABLES,
            parameter_openapi_schema=parameter_schema(stage).model_dump(),
            enforce_parameter_schema=False,
        )
