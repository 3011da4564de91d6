"""`coldpress sweep`: check the input, run all combinations, and always write the outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
from flows.cli.flow_session import Hook, exit_code, run_session, start_flow
from flows.cli.output_files import check_not_input, validate_output_path, write_atomic
from flows.cli.run import paths_in
from tasks.environment import deferred_signals, home, streams

if TYPE_CHECKING:
    from prefect import State

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
    target = None if report is None else validate_output_path(report, "--json")
    if workers < 1:
        raise InputError(f"--workers: must be at least 1, not {workers}")
    axes = parse_axes(over)
    recipe = load_recipe(reference, assignments)
    check_not_input(target, [Path(reference), *paths_in(recipe.model_dump())], "--json")
    home.check_writable()
    _check_members(recipe, axes)
    outcome: dict[str, Any] = {"recipe": recipe.name, "flow_run_id": None, "sweep": None}
    try:
        return _run_flow(recipe, axes, workers, outcome)
    finally:
        if target is not None:
            with deferred_signals.defer_signals():
                write_atomic(target, json.dumps(outcome, indent=2, allow_nan=False) + "\n")


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


def _run_flow(recipe: Recipe, axes: Axes, workers: int, outcome: dict[str, Any]) -> int:
    def start(on_running: Hook) -> State[Any]:
        from flows.sweep import sweep

        return start_flow(sweep, on_running, recipe, axes, workers)

    def remember(flow_run_id: str) -> None:
        outcome["flow_run_id"] = flow_run_id

    state = run_session(recipe, start, remember)
    if not state.is_completed():
        return exit_code(state, None)
    result = state.result()
    outcome["sweep"] = result.model_dump(mode="json")
    from tasks.record_sweep import summary_rows

    with streams.optional_output():
        console = Console()
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
