"""`coldpress search`: check the input, search, and always write the outcome."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.errors import InputError
from coldpress.recipe.loading import load_recipe
from coldpress.recipe.preflight import run_preflight
from coldpress.search.budget import parse_budget
from coldpress.search.space import with_search_space
from flows.cli.flow_session import exit_code, load_outcome, run_session
from flows.cli.outcome_file import outcome_file
from flows.cli.run import empty_outcome
from flows.cli.trials import SearchOptions
from flows.prefect_server.start_flow import start_flow
from tasks.environment import home, streams
from tasks.execution import data

if TYPE_CHECKING:
    from prefect import State

    from coldpress.recipe.recipe import Recipe


def run_search(
    reference: str, assignments: Sequence[str], options: SearchOptions, report: Path | None
) -> int:
    """Search for the cheapest model within a budget.

    Args:
        reference: The recipe's name or path.
        assignments: `field=value` changes to the recipe.
        options: Budget and size of the search.
        report: The file for the outcome as JSON, if any.

    Returns:
        The exit code.

    Raises:
        InputError: The input is invalid, or no model is within the budget.
    """
    outcome = {**empty_outcome(reference), "search": None}
    with outcome_file(report, reference, outcome) as file:
        _check_options(options)
        recipe = load_recipe(reference, assignments)
        outcome["recipe"] = recipe.name
        file.protect_inputs(recipe)
        home.check_writable()
        base, _ = with_search_space(recipe)
        checked = run_preflight(base, home.home_directory())
        data.keep_benchmark(base, checked.data, checked.unlabelled)
        state = _run_flow(recipe, options, outcome)
        if state.is_completed():
            _print(outcome, explain=options.explain, to_errors=file.is_stdout)
        return exit_code(state, outcome["gate"])


def _check_options(options: SearchOptions) -> None:
    for name in ("trials", "workers"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name}: must be at least 1, not {getattr(options, name)}")
    parse_budget(options.budget)


def _run_flow(recipe: Recipe, options: SearchOptions, outcome: dict[str, Any]) -> State[Any]:
    """Run the flow, and load the outcome of the chosen model."""

    def start(on_start: Callable[[str], None]) -> State[Any]:
        from flows.search import search

        arguments = (recipe, list(options.budget), options.trials, options.workers)
        return start_flow(search, on_start, arguments)

    state = run_session(recipe, start, lambda run: outcome.update(flow_run_id=run))
    if state.is_completed():
        result = state.result().model_dump(mode="json")
        outcome.update(load_outcome(result["winner"]), search=result)
    return state


def _print(outcome: dict[str, Any], *, explain: bool, to_errors: bool) -> None:
    from flows.cli import outcome as outcomes

    with streams.optional_output():
        outcomes.print_outcome(outcome, to_errors=to_errors)
        stream = sys.stderr if to_errors else sys.stdout
        stream.write(_describe(outcome["search"], explain=explain))


def _describe(result: Mapping[str, Any], *, explain: bool) -> str:
    """Return the lines below the tables of the chosen model."""
    stages = result["stages"]
    executed, reused = stages["ran"], stages["reused"]
    lines = [
        f"search: {result['finished']} trials finished, {result['poor']} ended after distillation,"
        f" {result['failed']} failed; {reused} of {executed + reused} stages were reused",
        f"trial {result['trial']} was chosen: {json.dumps(result['values'])}",
    ]
    if explain:
        lines += [
            f"importance for {objective}: {_percentages(shares)}"
            for objective, shares in result["importances"].items()
        ]
    return "\n" + "\n".join(lines) + "\n"


def _percentages(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{field} {share:.0%}" for field, share in shares.items())
