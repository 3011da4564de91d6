"""`coldpress run`: check the input, run the pipeline, and always write the outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.recipe.loading import load_recipe
from coldpress.recipe.preflight import run_preflight
from coldpress.schema.stages import STAGES
from flows.cli.flow_session import exit_code, load_outcome, run_session
from flows.cli.outcome_file import outcome_file
from flows.prefect_server.start_flow import start_flow
from tasks.environment import home, streams
from tasks.execution import data

if TYPE_CHECKING:
    from prefect import State

    from coldpress.recipe.recipe import Recipe


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
    outcome = empty_outcome(reference)
    with outcome_file(report, reference, outcome) as file:
        recipe = load_recipe(reference, assignments)
        outcome["recipe"] = recipe.name
        file.protect_inputs(recipe)
        home.check_writable()
        checked = run_preflight(recipe, home.home_directory())
        data.keep_benchmark(recipe, checked.data, checked.unlabelled)
        return _run_flow(recipe, outcome, to_errors=file.is_stdout)


def _run_flow(recipe: Recipe, outcome: dict[str, Any], *, to_errors: bool) -> int:
    """Run the flow, and print its outcome."""

    def start(on_start: Callable[[str], None]) -> State[Any]:
        from flows.compress import compress

        return start_flow(compress, on_start, [recipe])

    state = run_session(recipe, start, lambda run: outcome.update(load_outcome(run)))
    from flows.cli import outcome as outcomes

    with streams.optional_output():
        outcomes.print_outcome(outcome, to_errors=to_errors)
    return exit_code(state, outcome["gate"])


def empty_outcome(reference: str) -> dict[str, Any]:
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
        "evaluations": [],
        "gate": None,
    }
