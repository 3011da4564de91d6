"""`coldpress search`: check the input, search, and always write the outcome."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.errors import InputError
from coldpress.recipe.loading import load_recipe
from coldpress.recipe.preflight import run_preflight
from coldpress.search.budget import parse_budget
from coldpress.search.space import with_search_space
from flows.cli.flow_session import Hook, exit_code, load_outcome, run_session, start_flow
from flows.cli.output_files import check_not_input, validate_output_path, write_atomic
from flows.cli.run import empty_outcome, paths_in
from flows.cli.trials import SearchOptions
from tasks.environment import deferred_signals, home, streams

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
    target = None if report is None else validate_output_path(report, "--json")
    outcome = {**empty_outcome(reference), "search": None}
    for name in ("trials", "workers"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name}: must be at least 1, not {getattr(options, name)}")
    parse_budget(options.budget)
    recipe = load_recipe(reference, assignments)
    check_not_input(target, [Path(reference), *paths_in(recipe.model_dump())], "--json")
    home.check_writable()
    base, _ = with_search_space(recipe)
    run_preflight(base, home.home_directory())
    outcome["recipe"] = recipe.name
    try:
        return _run_flow(recipe, options, outcome)
    finally:
        if target is not None:
            with deferred_signals.defer_signals():
                write_atomic(target, json.dumps(outcome, indent=2, allow_nan=False) + "\n")


def _run_flow(recipe: Recipe, options: SearchOptions, outcome: dict[str, Any]) -> int:
    def start(on_running: Hook) -> State[Any]:
        from flows.search import search

        arguments = (recipe, list(options.budget), options.trials, options.workers)
        return start_flow(search, on_running, *arguments)

    def load(flow_run_id: str) -> None:
        outcome["flow_run_id"] = flow_run_id

    state = run_session(recipe, start, load)
    if not state.is_completed():
        return exit_code(state, None)
    result = state.result().model_dump(mode="json")
    outcome.update(load_outcome(result["winner"]), search=result)
    from flows.cli import outcome as outcomes

    with streams.optional_output():
        outcomes.print_outcome(outcome)
        sys.stdout.write(_describe(result, explain=options.explain))
    return exit_code(state, outcome["gate"])


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
