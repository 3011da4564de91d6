"""Write the run of a comparison to an MLflow server without MLflow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tasks.tracking.server_requests import get, post
from tasks.tracking.shadow_record import RUN_NAME, ShadowRecord


def write_shadow(address: str, record: ShadowRecord, run_id: str | None) -> str:
    """Write a comparison to its run.

    The run is finished after each write: an open run would keep `coldpress gc` from its work, and
    stay open if this process were killed.

    Args:
        address: Of the server, `http://HOST:PORT`.
        record: The comparison.
        run_id: Of an earlier write of the same comparison; None at the first one.

    Returns:
        The run's id.

    Raises:
        InputError: The server refuses access.
        OSError: The server does not respond, or does not have the experiment or the run.
    """
    now = int(time.time() * 1000)
    run_id = run_id or _create_run(address, record)
    metrics = [
        {"key": name, "value": value, "timestamp": now, "step": 0}
        for name, value in record.metrics.items()
    ]
    _post(address, "runs/log-batch", {"run_id": run_id, "metrics": metrics})
    _post(address, "runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": now})
    return run_id


def _create_run(address: str, record: ShadowRecord) -> str:
    answer = get(address, "experiments/get-by-name", experiment_name=record.model)
    if answer is None:
        raise FileNotFoundError(f"no experiment {record.model} at {address}")
    content = {
        "experiment_id": answer["experiment"]["experiment_id"],
        "run_name": RUN_NAME,
        "start_time": int(record.began * 1000),
        "tags": [{"key": key, "value": value} for key, value in record.tags().items()],
    }
    return str(_post(address, "runs/create", content)["run"]["info"]["run_id"])


def _post(address: str, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
    answer = post(address, path, content)
    if answer is None:
        raise FileNotFoundError(f"{address} refuses {path}: the experiment or run was deleted")
    return answer
