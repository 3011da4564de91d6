"""What to press when a model no longer fits what it is asked."""

from __future__ import annotations

from typing import Any

from coldpress.data.new_rows import NewRowsFile, NewRowsSource
from coldpress.recipe.recipe import Recipe


def retraining_recipe(recipe: Recipe, fresh: NewRowsSource, labelled: bool) -> Recipe | None:
    """Add fresh rows to a recipe.

    Args:
        recipe: What the model was pressed by.
        fresh: Where the rows are.
        labelled: Whether they have labels.

    Returns:
        The recipe with these rows in `benchmark.fresh`. A file without labels becomes
        `soft_targets.unlabelled`, for the teacher to label; for those of the hub a recipe has no
        place, so None.
    """
    if labelled:
        more = (*(one for one in recipe.benchmark.fresh if one != fresh), fresh)
        return _with_section(recipe, "benchmark", {"fresh": more})
    if isinstance(fresh, NewRowsFile):
        return _with_section(recipe, "soft_targets", {"unlabelled": fresh.path})
    return None


def _with_section(recipe: Recipe, section: str, update: dict[str, Any]) -> Recipe:
    changed = getattr(recipe, section).model_copy(update=update)
    return recipe.model_copy(update={section: changed})
