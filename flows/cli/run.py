"""`coldpress run`: check the input, run the pipeline, and always write the outcome."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.recipe.loading import load_recipe
from coldpress.recipe.preflight import run_preflight
from coldpress.schema.stages import STAGES
from flows.cli.flow_session import Hook, exit_code, load_outcome, run_session, start_flow
from flows.cli.output_files import (
    check_not_input,
    is_input,
    is_stream,
    validate_output_path,
    write_atomic,
)
from tasks.environment import deferred_signals, home, streams
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
    target = None if report is None else validate_output_path(report, "--json")
    outcome = empty_outcome(reference)
    inputs = [path for path in (Path(reference),) if path.is_file()]
    try:
        check_not_input(target, inputs, "--json")
        recipe = load_recipe(reference, assignments)
        outcome["recipe"] = recipe.name
        inputs += paths_in(recipe.model_dump())
        check_not_input(target, inputs, "--json")
        home.check_writable()
        checked = run_preflight(recipe, home.home_directory())
        data.keep_benchmark(recipe, checked.data, checked.unlabelled)
        return _run_flow(recipe, outcome, target)
    finally:
        if target is not None and not is_input(target, inputs):
            with deferred_signals.defer_signals():
                write_atomic(target, json.dumps(outcome, indent=2, allow_nan=False) + "\n")


def paths_in(value: object) -> Iterator[Path]:
    """The paths in a recipe's fields, at any depth."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from paths_in(item)


def _run_flow(recipe: Recipe, outcome: dict[str, Any], target: Path | None) -> int:
    """Run the flow, and print its outcome."""

    def start(on_running: Hook) -> State[Any]:
        from flows.compress import compress

        return start_flow(compress, on_running, recipe)

    state = run_session(recipe, start, lambda run: outcome.update(load_outcome(run)))
    from flows.cli import outcome as outcomes

    with streams.optional_output():
        outcomes.print_outcome(outcome, to_errors=target is not None and is_stream(target))
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
