"""Whether the pipeline run, for which a worker elsewhere runs a stage, is still in progress."""

from __future__ import annotations

from mlflow.exceptions import MlflowException

from coldpress.errors import InputError
from tasks.environment import credentials
from tasks.tracking import open_runs, runs
from tasks.tracking.versions import NOT_FOUND_CODES


def is_in_progress(run_id: str) -> bool:
    """Return whether a pipeline run is open and its process is not known to have ended.

    Args:
        run_id: The parent run in MLflow.

    Raises:
        InputError: This process uses another registry than the run.
    """
    try:
        parent = runs.client().get_run(run_id)
    except MlflowException as error:
        if error.error_code not in NOT_FOUND_CODES:
            raise
        raise InputError(
            f"{credentials.MLFLOW_VARIABLE}: on this worker it names another registry than that of"
            f" the run, {run_id}"
        ) from error
    return parent.info.status == "RUNNING" and not open_runs.is_dead(parent)
