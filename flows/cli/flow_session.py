"""A flow of a command: on the configured Prefect server, or on one that the command starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from coldpress.errors import InputError, PlacedStageError
from flows.cli.exit_codes import FAILURE, SUCCESS
from flows.prefect_server import supervisor
from tasks.environment import credentials, deferred_signals, home
from tasks.execution import log_filters, work_pools

if TYPE_CHECKING:
    from prefect import State

    from coldpress.recipe.recipe import Recipe
    from flows.prefect_server.supervisor import EmbeddedServer


Start = Callable[[Callable[[str], None]], "State[Any]"]
"""Runs a flow, calls the argument with the flow run's id, and returns the final state."""


def run_session(recipe: Recipe, start: Start, on_end: Callable[[str], None]) -> State[Any]:
    """Run a flow. The embedded server starts while Prefect, MLflow and torch are imported.

    Args:
        recipe: Its name and placement are checked first.
        start: Runs the flow; see `start_flow`.
        on_end: Called with the flow run's id at its end, also if it was interrupted.

    Returns:
        The final state, from MLflow if it could not be reported to Prefect.

    Raises:
        InputError: The name belongs to other models, or a server refuses access.
    """
    home.configure_environment()
    credentials.check_mlflow(os.environ["MLFLOW_TRACKING_URI"])
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    work_pools.check_work_pools(recipe)
    with supervisor.embedded_server() as server:
        from tasks.tracking import experiments, runs

        experiments.check_names_available(runs.client(), recipe.name)
        home.import_prefect()
        return _final_state(start, on_end, server)


def exit_code(state: State[Any], gate: Mapping[str, Any] | None) -> int:
    """Return the exit code of a flow.

    Args:
        state: The final state.
        gate: The verdict, if there is one.

    Raises:
        InputError: The flow was refused its input.
        PlacedStageError: A stage on another work pool failed.
    """
    if state.is_completed():
        return FAILURE if gate and not gate["passed"] else SUCCESS
    error = state.result(raise_on_failure=False)
    if isinstance(error, InputError | PlacedStageError):
        raise error
    return FAILURE  # Prefect has shown the traceback


def load_outcome(flow_run_id: str) -> dict[str, Any]:
    """Load the outcome of a run, finished or not; see `flows.cli.outcome`."""
    from flows.cli import outcome

    return outcome.load_outcome(flow_run_id)


def _final_state(
    start: Start, on_end: Callable[[str], None], server: EmbeddedServer | None
) -> State[Any]:
    """Run the flow on a server."""
    from flows.prefect_server import session
    from tasks.execution import prefect_artifacts

    log_filters.mute_input_errors()
    prefect_artifacts.mute_report_errors()
    flow_run_ids: list[str] = []

    with session.prefect_server(server):
        try:
            return start(flow_run_ids.append)
        except prefect_artifacts.REPORT_ERRORS as unreported:
            return _state_from_mlflow(unreported, flow_run_ids)
        finally:
            with deferred_signals.defer_signals():
                if flow_run_ids:
                    on_end(flow_run_ids[0])


def _state_from_mlflow(error: BaseException, flow_run_ids: Sequence[str]) -> State[Any]:
    """The final state of a run, from MLflow, when it could not be reported to Prefect."""
    from prefect.states import Completed, Failed

    from flows.cli import outcome as outcomes

    why = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if flow_run_ids and outcomes.is_finished(flow_run_ids[0]):
        sys.stderr.write(f"coldpress: the run is done but not reported to Prefect ({why})\n")
        return Completed()
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, InputError):
        cause = cause.__context__
    if cause is None:
        sys.stderr.write(
            f"coldpress: no Prefect server to report to ({why}); finished stages are kept\n"
        )
    return Failed(data=cause or error)
