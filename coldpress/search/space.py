"""Recipes of trials: a base recipe with the values that a search tries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from coldpress.distillation import Convolution, Static
from coldpress.distillation.student import StudentShape
from coldpress.errors import InputError
from coldpress.pruning.embeddings import Embeddings
from coldpress.recipe.assignments import apply_values
from coldpress.recipe.loading import describe_first_error
from coldpress.recipe.recipe import Recipe
from coldpress.recipe.search_space import SearchSpace, examples
from coldpress.teacher.size import TeacherSize, teacher_size
from coldpress.teacher.spec import Teacher

_SHARES = [0.25, 0.5, 0.75]


def apply_trial_values(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """Return a recipe with other values.

    Args:
        recipe: With the preset's sections filled in.
        values: By field, spelled as in `--set`.

    Returns:
        The recipe without its search section.

    Raises:
        InputError: The values do not make a valid recipe.
    """
    content = recipe.model_dump(mode="json", exclude={"search", "preset"})
    pairs = [(name.split("."), value) for name, value in values.items()]
    apply_values(content, pairs)
    try:
        return Recipe.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise InputError(describe_first_error(error, content)) from error


def with_search_space(recipe: Recipe) -> tuple[Recipe, SearchSpace]:
    """Return a recipe and the values to try: its own, or those that suit most recipes.

    Raises:
        InputError: A field is unknown, or a value is invalid.
    """
    if recipe.search is not None:
        check_space(recipe, recipe.search)
        return recipe, recipe.search
    recipe, space = _default_space(recipe)
    check_space(recipe, space)
    return recipe, space


def check_space(recipe: Recipe, space: SearchSpace) -> None:
    """Check every value alone, in an otherwise unchanged recipe.

    Args:
        recipe: The base recipe.
        space: Choices and ranges by field.

    Raises:
        InputError: A field is unknown, or a value is invalid; the message names both.
    """
    if not space:
        raise InputError("search: no field to try values of")
    for name, values in space.items():
        if not all(name.split(".")):
            raise InputError(f"search: {name!r} is not a field, as in distill.student.layers")
        for value in examples(values):
            try:
                apply_trial_values(recipe, {name: value})
            except InputError as error:
                raise InputError(f"search.{name}: {value!r}: {error}") from error


def _default_space(recipe: Recipe) -> tuple[Recipe, SearchSpace]:
    """Return layers, pruning and methods of quantization to try, and the steps of pruning."""
    if isinstance(recipe.distill, Static):
        return recipe, {"distill.width": [32, 64, 128], "distill.longest_ngram": [1, 2, 3]}
    if isinstance(recipe.distill, Convolution):
        return recipe, {"distill.width": [32, 64, 96], "distill.filters": [128, 256, 512]}
    space: SearchSpace = {"quantize.method": ["dynamic-int8", "static-int8"]}
    size = teacher_size(recipe.initial_model) if _has_model(recipe) else None
    if recipe.distill is not None and recipe.distill.student.width is not None:
        return recipe, space | _narrow_student_space(recipe.distill.student, size)
    if recipe.distill is not None:
        most = 4 if size is None else size.layers
        space["distill.student.layers"] = [n for n in (2, 3, 4) if n <= most] or [1]
    width = None if size is None else _table_width(recipe, size)
    recipe = _with_pruning_steps(recipe, width)
    for number, step in enumerate(recipe.prune or ()):
        field = {"neurons": "keep_neurons", "heads": "keep_heads"}.get(step.method)
        if field is not None:
            space[f"prune.{number}.{field}"] = list(_SHARES)
        if isinstance(step, Embeddings):
            space[f"prune.{number}.rank"] = _ranks(step.rank, width)
    return recipe, space


def _narrow_student_space(student: StudentShape, size: TeacherSize | None) -> SearchSpace:
    """Return layers, widths, heads and neurons of a student that is narrower than its teacher.

    It is not pruned: its sizes are few enough to try each.

    Args:
        student: Its sizes, those that it names, are the smallest to try, but for its layers.
        size: Of the model that it is made from; None if it is not known.
    """
    most = None if size is None else size.layers
    space: SearchSpace = {"distill.student.layers": _at_most(most, 1, 2, 3)}
    if size is not None and student.width is not None:
        wider = student.width + 2 * size.head_size
        space["distill.student.width"] = _at_most(size.hidden_size, student.width, wider)
    for field in ("heads", "neurons"):
        count = getattr(student, field)
        if count is not None:
            limit = getattr(size, field, None)
            space[f"distill.student.{field}"] = _at_most(limit, count, 2 * count)
    return space


def _at_most(limit: int | None, *values: int) -> list[int]:
    """Return the values that do not exceed a limit; None: there is no limit."""
    return [value for value in values if limit is None or value <= limit]


def _with_pruning_steps(recipe: Recipe, width: int | None) -> Recipe:
    """Add the steps that a recipe lacks, so that layers and tables of tokens become smaller.

    Args:
        recipe: A recipe without translations gets steps for its tables of tokens.
        width: Of the table of tokens; None if it is not known.
    """
    steps = [step.model_dump(mode="json") for step in recipe.prune or ()]
    missing: list[dict[str, Any]] = (
        []
        if steps
        else [
            {"method": "neurons", "keep_neurons": 0.5},
            {"method": "heads", "keep_heads": 0.5},
        ]
    )
    if "translations" not in recipe.benchmark.columns.columns_by_field:
        missing.append({"method": "vocabulary"})
        if width is not None and width >= 8:
            missing.append({"method": "embeddings", "rank": width // 2})
    present = {step["method"] for step in steps}
    steps += [step for step in missing if step["method"] not in present]
    return apply_trial_values(recipe, {"prune": steps})


def _ranks(rank: int, width: int | None) -> list[int]:
    """Return half of a rank, the rank, and one and a half times as much if the table is wider."""
    larger = [rank * 3 // 2] if width is not None and rank * 3 // 2 < width else []
    return sorted({max(1, rank // 2), rank, *larger})


def _table_width(recipe: Recipe, size: TeacherSize) -> int:
    """Return the width of the student's table of tokens."""
    pruned = size if recipe.distill is None else recipe.distill.student.size(size)
    return pruned.table_width


def _has_model(recipe: Recipe) -> bool:
    """Whether the student is made of a model whose size is known."""
    return recipe.student_model is not None or isinstance(recipe.teacher, Teacher)
