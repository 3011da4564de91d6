"""`coldpress run`: check the input, run the pipeline, and always write the outcome."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.errors import InputError
from coldpress.recipe.loading import load_recipe
from coldpress.recipe.preflight import run_preflight
from coldpress.schema.stages import STAGES
from flows.cli.exit_codes import FAILURE, SUCCESS
from flows.cli.output_files import (
    check_not_input,
    is_input,
    is_stream,
    validate_output_path,
    write_atomic,
)
from flows.prefect_server import supervisor
from tasks.environment import credentials, deferred_signals, home, streams
from tasks.execution import data, log_filters

if TYPE_CHECKING:
    from prefect import Flow, State
    from prefect.client.schemas.objects import FlowRun

    from coldpress.recipe.recipe import Recipe
    from flows.prefect_server.supervisor import EmbeddedServer


def run_recipe(reference: str, assignments: Sequence[str], report: Path | None) -> int:
    """Run a recipe.

    Args:
        reference: The recipe's name or path.
        assignments: `field=value` changes to the recipe.
        report: The file for the outcome as JSON, if any.

    Returns:
        The exit code.

    Raises:
        InputError: The input is invalid; no stage was started.
    """
    target = None if report is None else validate_output_path(report, "--json")
    outcome = _empty_outcome(reference)
    inputs = [path for path in (Path(reference),) if path.is_file()]
    try:
        check_not_input(target, inputs, "--json")
        recipe = load_recipe(reference, assignments)
        outcome["recipe"] = recipe.name
        inputs += _paths_in(recipe.model_dump())
        check_not_input(target, inputs, "--json")
        home.check_writable()
        checked = run_preflight(recipe, home.home_directory())
        data.keep_benchmark(recipe, checked.data, checked.unlabelled)
        return _run_flow(recipe, outcome, target)
    finally:
        if target is not None and not is_input(target, inputs):
            with deferred_signals.defer_signals():
                write_atomic(target, json.dumps(outcome, indent=2, allow_nan=False) + "\n")


def _paths_in(value: object) -> Iterator[Path]:
    """The paths in a recipe's fields, at any depth."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _paths_in(item)


def _run_flow(recipe: Recipe, outcome: dict[str, Any], target: Path | None) -> int:
    """Run the flow. The embedded server starts while Prefect, MLflow and torch are imported."""
    home.configure_environment()
    credentials.check_mlflow(os.environ["MLFLOW_TRACKING_URI"])
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    with supervisor.embedded_server() as server:
        from tasks.tracking import experiments, runs

        experiments.check_names_available(runs.client(), recipe.name)
        home.import_prefect()
        state = _final_state(recipe, outcome, server)
    from flows.cli import outcome as outcomes

    with streams.optional_output():
        outcomes.print_outcome(outcome, to_errors=target is not None and is_stream(target))
    if state.is_completed():
        return FAILURE if outcome["gate"] and not outcome["gate"]["passed"] else SUCCESS
    error = state.result(raise_on_failure=False)
    if isinstance(error, InputError):
        raise error
    return FAILURE  # Prefect has shown the traceback


def _final_state(
    recipe: Recipe, outcome: dict[str, Any], server: EmbeddedServer | None
) -> State[Any]:
    """Run the flow on a server, and fill the outcome whatever happens."""
    from flows.cli import outcome as outcomes
    from flows.compress import compress
    from flows.prefect_server import session
    from tasks.execution import prefect_artifacts

    log_filters.mute_input_errors()
    prefect_artifacts.mute_report_errors()
    flow_run_ids: list[str] = []

    def remember(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001
        flow_run_ids.append(str(flow_run.id))
        deferred_signals.reinstall_handlers()

    flow = copy(compress)  # `with_options` would generate the schema of its form again
    flow.on_running_hooks = [remember]
    with session.prefect_server(server):
        try:
            return flow(recipe, return_state=True)
        except prefect_artifacts.REPORT_ERRORS as unreported:
            return _state_from_mlflow(unreported, flow_run_ids)
        finally:
            with deferred_signals.defer_signals():
                outcome.update(outcomes.load_outcome(flow_run_ids[0]) if flow_run_ids else {})


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


def _empty_outcome(reference: str) -> dict[str, Any]:
    """The outcome before the first stage: every stage is skipped."""
    skipped = {"status": "skipped", "seconds": 0.0, "model_uri": None, "registered": None}
    return {
        "recipe": reference,
        "flow_run_id": None,
        "mlflow": {"tracking_uri": None, "experiment_id": None, "parent_run_id": None},
        "stages": [
            {"stage": s, **skipped, "digest": None, "parents": [], "metrics": {}} for s in STAGES
        ],
        "evaluation": None,
        "gate": None,
    }
