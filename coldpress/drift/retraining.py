"""Build the recipe that retrains a drifted model with new rows."""

from __future__ import annotations

from typing import Any

from coldpress.data.new_rows import NewRowsFile, NewRowsSource
from coldpress.recipe.recipe import Recipe


def retraining_recipe(recipe: Recipe, fresh: NewRowsSource, labelled: bool) -> Recipe | None:
    """Add new rows to a recipe.

    Args:
        recipe: The recipe that the model was made with.
        fresh: Source of the new rows.
        labelled: Whether they have labels.

    Returns:
        The recipe with these rows in `benchmark.fresh`. A file without labels becomes
        `soft_targets.unlabelled`, which the teacher labels. None for unlabelled rows of the hub:
        a recipe cannot refer to them.
    """
    if labelled:
        kept_sources = (source for source in recipe.benchmark.fresh if source != fresh)
        return _with_section(recipe, "benchmark", {"fresh": (*kept_sources, fresh)})
    if isinstance(fresh, NewRowsFile):
        return _with_section(recipe, "soft_targets", {"unlabelled": fresh.path})
    return None


def _with_section(recipe: Recipe, section: str, update: dict[str, Any]) -> Recipe:
    changed = getattr(recipe, section).model_copy(update=update)
    return recipe.model_copy(update={section: changed})
