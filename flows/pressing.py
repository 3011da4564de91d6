"""`coldpress run`: check first, press, and write down how it went whatever happens."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.errors import InputError
from coldpress.preflight import inspect
from coldpress.recipe_file import read_recipe
from coldpress.stages import STAGES
from tasks import home

if TYPE_CHECKING:
    from coldpress.recipe import Recipe

DONE, FAILED = 0, 1


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
    if report is not None and not report.expanduser().resolve().parent.is_dir():
        raise InputError(f"--json: no folder {report.parent}")
    outcome = _nothing_yet(reference)
    try:
        recipe = read_recipe(reference, assignments)
        outcome["recipe"] = recipe.name
        inspect(recipe, home.home())
        return _press(recipe, outcome)
    finally:
        if report is not None:
            _write(report, outcome)


def _press(recipe: Recipe, outcome: dict[str, Any]) -> int:
    """Run the flow. Prefect, MLflow and torch are first imported here."""
    home.embed()
    for name in ("PREFECT_LOGGING_LEVEL", "MLFLOW_LOGGING_LEVEL"):
        os.environ.setdefault(name, "WARNING")
    from flows import outcomes, server
    from flows.compress import compress

    with server.running():
        state = compress(recipe, return_state=True)
        outcome.update(outcomes.read(str(state.state_details.flow_run_id)))
    outcomes.show(outcome)
    if state.is_completed():
        return DONE
    error = state.result(raise_on_failure=False)
    if isinstance(error, InputError):
        raise error
    return FAILED  # Prefect has shown the traceback


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


def _write(path: Path, outcome: dict[str, Any]) -> None:
    """Write aside and move, so that a reader never sees half an outcome."""
    target = path.expanduser().resolve()
    with tempfile.NamedTemporaryFile("w", dir=target.parent, delete=False) as file:
        json.dump(outcome, file, indent=2, allow_nan=False)
        file.write("\n")
    Path(file.name).chmod(0o644)
    Path(file.name).replace(target)
