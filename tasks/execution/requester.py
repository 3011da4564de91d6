"""Identify the requester of a promotion or rollback, which MLflow does not record."""

from __future__ import annotations

import getpass
import socket
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import get_client


def flow_run_id() -> str:
    """Return the id of the current flow run."""
    return str(runtime.flow_run.id)


def requested_by() -> str:
    """Return who requested this flow run, as far as Prefect knows.

    Returns:
        The creator and deployment of the flow run, if any; otherwise the user and host of this
        process.
    """
    process = f"{_user()}@{socket.gethostname()}"
    if not runtime.deployment.id:
        return process
    with get_client(sync_client=True) as prefect:
        creator = prefect.read_flow_run(UUID(flow_run_id())).created_by
    name = creator.display_value if creator and creator.display_value else "unknown"
    return f"{name} (deployment {runtime.deployment.name}, on {process})"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"  # a container's user without a name
