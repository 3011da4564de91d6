"""Who asked for a move: MLflow records nobody, so it is written down here."""

from __future__ import annotations

import getpass
import socket
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import get_client


def flow_run_id() -> str:
    """Return the id of the flow run that asks."""
    return str(runtime.flow_run.id)


def requested_by() -> str:
    """Return who started this flow run, as far as Prefect knows.

    Returns:
        Its creator and deployment, where it has them; otherwise who runs this process, and where.
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
