"""`coldpress run`: check first, press, and write down how it went whatever happens."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from coldpress.errors import InputError
from coldpress.preflight import inspect
from coldpress.recipe_file import read_recipe
from coldpress.stages import STAGES
from flows.writing import checked_target, write_whole
from tasks import access, home, input_errors

if TYPE_CHECKING:
    from prefect import Flow, State
    from prefect.client.schemas.objects import FlowRun

    from coldpress.recipe import Recipe

DONE, FAILED, REFUSED = 0, 1, 1


def press(reference: str, assignments: Sequence[str], report: Path | None) -> int:
    """Run a recipe.

    Args:
        reference: Its name or path.
        assignments: Changes to it.
        report: Where to write the outcome as JSON.

    Returns:
        The exit code of a run that was started.

    Raises:
        InputError: Nothing was started.
    """
    target = None if report is None else checked_target(report, "--json")
    outcome = _nothing_yet(reference)
    try:
        recipe = read_recipe(reference, assignments)
        outcome["recipe"] = recipe.name
        inspect(recipe, home.home())
        return _press(recipe, outcome)
    finally:
        if target is not None:
            write_whole(target, json.dumps(outcome, indent=2, allow_nan=False) + "\n")


def _press(recipe: Recipe, outcome: dict[str, Any]) -> int:
    """Run the flow. Prefect, MLflow and torch are first imported here."""
    home.embed()
    access.check_mlflow(os.environ["MLFLOW_TRACKING_URI"])
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    from flows import outcomes, server
    from flows.compress import compress

    input_errors.off_the_terminal()
    flow_run_ids: list[str] = []

    def remember(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001
        flow_run_ids.append(str(flow_run.id))

    with _ended_by_signals(), server.running():
        try:
            watched = compress.with_options(on_running=[remember])
            state = watched(recipe, return_state=True)
        finally:
            outcome.update(outcomes.read(flow_run_ids[0]) if flow_run_ids else {})
    outcomes.show(outcome)
    if state.is_completed():
        return REFUSED if outcome["gate"] and not outcome["gate"]["passed"] else DONE
    error = state.result(raise_on_failure=False)
    if isinstance(error, InputError):
        raise error
    return FAILED  # Prefect has shown the traceback


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM unwind the stack, as Ctrl-C does: the outcome is written, the server ended."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _nothing_yet(reference: str) -> dict[str, Any]:
    """The outcome of a run that was refused before it began."""
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
