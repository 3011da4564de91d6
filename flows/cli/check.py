"""`coldpress check`: everything that would stop a run, without training anything."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from coldpress.recipe.loading import load_recipe
from coldpress.recipe.preflight import run_preflight
from tasks.environment import home


def check(reference: str, assignments: Sequence[str]) -> Table:
    """Check a recipe, what it names, and the tracking store if there is one.

    Args:
        reference: The recipe's name or path.
        assignments: Changes to it.

    Returns:
        What was found.

    Raises:
        InputError: A run would be refused.
    """
    recipe = load_recipe(reference, assignments)
    found = run_preflight(recipe, home.home_directory())
    if not home.is_unused():
        from tasks.tracking import experiments, runs  # MLflow is first imported here

        experiments.check_names_available(runs.client(), recipe.name)
    return found.table()
