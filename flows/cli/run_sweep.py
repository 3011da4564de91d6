"""`coldpress sweep`: check the input, run all combinations, and always write the outcome."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coldpress.errors import InputError
from coldpress.recipe.loading import load_recipe
from coldpress.recipe.preflight import run_preflight
from coldpress.recipe.recipe import Recipe
from coldpress.search.grid import combine, parse_axes
from coldpress.search.space import apply_trial_values
from flows.cli.exit_codes import FAILURE, SUCCESS
from flows.cli.flow_session import exit_code, run_session
from flows.cli.outcome_file import outcome_file
from flows.prefect_server.start_flow import start_flow
from tasks.environment import home, streams

if TYPE_CHECKING:
    from prefect import State

    from flows.sweep import SweepResult

Axes = dict[str, list[Any]]


def run_sweep(
    reference: str,
    assignments: Sequence[str],
    over: Sequence[str],
    workers: int,
    report: Path | None,
) -> int:
    """Run a recipe with all combinations of some values.

    Args:
        reference: The recipe's name or path.
        assignments: `field=value` changes to the recipe.
        over: `field=values` to combine.
        workers: Runs at a time.
        report: The file for the outcome as JSON, if any.

    Returns:
        The exit code: 1 if a run failed.

    Raises:
        InputError: The input is invalid; no stage was started.
    """
    outcome: dict[str, Any] = {"recipe": reference, "flow_run_id": None, "sweep": None}
    with outcome_file(report, reference, outcome) as file:
        if workers < 1:
            raise InputError(f"--workers: must be at least 1, not {workers}")
        axes = parse_axes(over)
        recipe = load_recipe(reference, assignments)
        outcome["recipe"] = recipe.name
        file.protect_inputs(recipe)
        home.check_writable()
        _check_members(recipe, axes)
        state = _run_flow(recipe, axes, workers, outcome)
        if not state.is_completed():
            return exit_code(state, None)
        return _print(state.result(), to_errors=file.is_stdout)


def _check_members(recipe: Recipe, axes: Axes) -> None:
    """Check all recipes, and the data and models of those whose data may differ."""
    checked: set[str] = set()
    for values in combine(axes):
        try:
            member = apply_trial_values(recipe, values)
        except InputError as error:
            raise InputError(f"--over: {json.dumps(values)}: {error}") from error
        inputs = member.model_copy(update={"seed": 0}).model_dump_json()
        if inputs not in checked:
            run_preflight(member, home.home_directory())
            checked.add(inputs)


def _run_flow(recipe: Recipe, axes: Axes, workers: int, outcome: dict[str, Any]) -> State[Any]:
    def start(on_start: Callable[[str], None]) -> State[Any]:
        from flows.sweep import sweep

        return start_flow(sweep, on_start, (recipe, axes, workers))

    state = run_session(recipe, start, lambda run: outcome.update(flow_run_id=run))
    if state.is_completed():
        outcome["sweep"] = state.result().model_dump(mode="json")
    return state


def _print(result: SweepResult, *, to_errors: bool) -> int:
    """Print the summary, and return the exit code."""
    from tasks.record_sweep import summary_rows

    with streams.optional_output():
        console = Console(stderr=to_errors)
        console.print(_table(summary_rows(result.settings)))
        for failure in result.failures:
            console.print(f"failed: {failure}", markup=False)
    return FAILURE if result.failures else SUCCESS


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table without the columns that are empty in every row."""
    columns = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*(escape(_format(row[name])) for name in columns))
    return table


def _format(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
