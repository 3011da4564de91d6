"""`coldpress check`: find everything that would stop a run, without training."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from coldpress.recipe.loading import load_recipe
from coldpress.recipe.placement import placed_stages
from coldpress.recipe.preflight import run_preflight
from tasks.environment import home
from tasks.execution import work_pools


def check(reference: str, assignments: Sequence[str]) -> Table:
    """Check a recipe, the files and models that it names, and the tracking store if it exists.

    Args:
        reference: The recipe's name or path.
        assignments: `field=value` changes to the recipe.

    Returns:
        A table of the dataset, the teacher and the stages.

    Raises:
        InputError: A run would be refused.
    """
    recipe = load_recipe(reference, assignments)
    preflight = run_preflight(recipe, home.home_directory())
    if any(placed_stages(recipe)):
        home.configure_environment()
        work_pools.check_work_pools(recipe)
    if not home.is_unused():
        from tasks.tracking import experiments, runs  # MLflow is first imported here

        experiments.check_names_available(runs.client(), recipe.name)
    return preflight.table()
