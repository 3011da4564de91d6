"""From a recipe's name or path, and assignments to it, to a checked recipe with absolute paths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from reprlib import Repr
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from coldpress.errors import InputError
from coldpress.recipe.recipe import Recipe
from coldpress.schema import paths, yaml_loader

DISCRIMINATORS = ("method", "origin")


def load_recipe(reference: str, assignments: Sequence[str] = ()) -> Recipe:
    """Read, change and check a recipe.

    Args:
        reference: A path if it has a slash or ends in `.yaml`; otherwise a name that is looked
            up in `./recipes`, then among the packaged ones.
        assignments: `a.b=value`, applied together before anything is checked.

    Returns:
        The recipe, its paths resolved against the working directory.

    Raises:
        InputError: Names the file and the field that is wrong.
    """
    path = find_recipe(reference)
    order = apply_assignments(yaml_loader.load_yaml(path), assignments)
    try:
        recipe: Recipe = _resolve_paths(Recipe.model_validate(order))
    except ValidationError as error:
        raise InputError(f"{path.name}: {describe_first_error(error, order)}") from error
    return recipe


def find_recipe(reference: str) -> Path:
    """Find a recipe's file.

    Args:
        reference: See `read_recipe`.

    Returns:
        An existing file.

    Raises:
        InputError: There is none.
    """
    if "/" in reference or reference.endswith((".yaml", ".yml")):
        return _recipe_file(reference)
    for path in list_recipes():
        if path.stem == reference:
            return path
    names = ", ".join(dict.fromkeys(path.stem for path in list_recipes()))
    raise InputError(f"recipe: no recipe {reference!r}; there are: {names}")


def _recipe_file(reference: str) -> Path:
    try:
        path = paths.validate_path(Path(reference))
    except ValueError as error:
        raise InputError(f"recipe: {reference[:80]}: {error}") from error
    if not path.is_file():
        raise InputError(f"recipe: no file {reference}")
    return path


def list_recipes() -> list[Path]:
    """Return the recipes in `./recipes`, then the packaged ones."""
    folders = (Path("recipes"), Path(str(files("recipes"))))
    found = [path for folder in folders for path in sorted(folder.glob("*.yaml")) if path.is_file()]
    return list({path.stem: path for path in reversed(found)}.values())[::-1]


def apply_assignments(order: dict[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Apply `a.b=value` assignments to a recipe that is still plain data.

    Their place in the list does not count: whole sections come before what stands in them, and a
    choice of a method or an origin before the keys beside it, as a new choice drops the old keys.

    Args:
        order: Parsed YAML, changed in place.
        assignments: Values parse as YAML; list items are named by index.

    Returns:
        The same mapping.

    Raises:
        InputError: An assignment has no `=`, no value that parses, or an index out of range.
    """
    parsed = [_parse_assignment(text) for text in assignments]
    for path, value in sorted(parsed, key=lambda pair: _assignment_order(pair[0])):
        _set_value(order, path, value)
    return order


def _assignment_order(path: Sequence[str]) -> tuple[int, bool]:
    return len(path), path[-1] not in DISCRIMINATORS


def describe_first_error(error: ValidationError, order: object) -> str:
    """Say in one line what is wrong with a recipe, naming the field as the file writes it.

    Args:
        error: What pydantic found; its locations also name the variants that it tried.
        order: The plain data.

    Returns:
        `field: what is wrong`.
    """
    problem, *others = error.errors(include_url=False)
    names, message = _field_path(problem["loc"], order), _describe_error(problem)
    if problem["type"] == "missing":
        message += _unknown_keys_hint(problem["loc"][:-1], others)
    if problem["type"] in _DISCRIMINATOR_MESSAGES:
        names.append(problem["ctx"]["discriminator"].strip("'"))
    return f"{'.'.join(names)}: {message}" if names else message


def _unknown_keys_hint(section: tuple[int | str, ...], others: Iterable[ErrorDetails]) -> str:
    """Name the unknown keys beside a missing one: it may be one of these."""
    here = [each["loc"] for each in others if each["type"] == "extra_forbidden"]
    keys = [str(place[-1]) for place in here if place[:-1] == section]
    return f"; unknown key: {', '.join(keys)}" if keys else ""


_DISCRIMINATOR_MESSAGES = {
    "union_tag_invalid": "{tag!r} is not one of {expected_tags}",
    "union_tag_not_found": "field required",
}
_PLAIN_MESSAGES = {
    "extra_forbidden": "unknown key",
    "path_type": "a path is text",
    "model_type": "a section is a mapping",
    "model_attributes_type": "a section is a mapping",
}

_SHORT_REPR = Repr()
_SHORT_REPR.maxstring = _SHORT_REPR.maxother = 80


def _describe_error(problem: ErrorDetails) -> str:
    """Say what is wrong, with the value where it is short enough to be one."""
    kind = problem["type"]
    if kind in _DISCRIMINATOR_MESSAGES:
        return _DISCRIMINATOR_MESSAGES[kind].format(**problem["ctx"])
    message = _PLAIN_MESSAGES.get(kind, problem["msg"].removeprefix("Value error, "))
    message = message[0].lower() + message[1:]
    shown = kind not in {"extra_forbidden", "value_error", "missing"}
    if shown and not isinstance(problem["input"], dict | list):
        message = f"{message}, not {_SHORT_REPR.repr(problem['input'])}"
    if kind == "string_type" and (hint := yaml_loader.unquoted_value_hint(problem["input"])):
        return f"{message}; {hint}"
    return message


def _parse_assignment(text: str) -> tuple[list[str], Any]:
    name, equals, value = text.partition("=")
    if not equals or not all(name.split(".")):
        raise InputError(f"--set {text}: expected field=value, as in distill.epochs=3")
    try:
        return name.split("."), yaml_loader.parse_yaml(value)
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(
            f"--set {text[:80]}: the value is no YAML: {yaml_loader.yaml_error_reason(error)}"
        ) from error


def _set_value(order: dict[str, Any], path: Sequence[str], value: object) -> None:
    parent: Any = order
    for name, following in pairwise(path):
        parent = _get_or_create_child(parent, name, path, following)
    last = path[-1]
    if isinstance(parent, list):
        parent[_list_index(parent, last, path)] = value
        return
    if last in DISCRIMINATORS and parent.get(last) != value:
        parent.clear()
    parent[last] = value


def _get_or_create_child(parent: Any, name: str, path: Sequence[str], following: str) -> Any:  # noqa: ANN401
    """Step into a member; what is no container yet (a scalar, null, absent) becomes one."""
    key: Any = _list_index(parent, name, path) if isinstance(parent, list) else name
    child = parent[key] if isinstance(parent, list) else parent.get(key)
    if not isinstance(child, dict | list):
        child = parent[key] = [] if following.isdecimal() else {}
    return child


def _list_index(items: list[Any], name: str, path: Sequence[str]) -> int:
    """Return a list index; one past the end appends."""
    if not name.isdecimal() or int(name) > len(items):
        raise InputError(f"--set {'.'.join(path)}: {name!r} is not an index from 0 to {len(items)}")
    if int(name) == len(items):
        items.append({})
    return int(name)


def _field_path(location: Iterable[int | str], order: Any) -> list[str]:  # noqa: ANN401
    """Drop the names of variants from a location: the file does not have them."""
    names, at, parts, variant = [], order, list(location), False
    for place, part in enumerate(parts):
        inside = isinstance(at, dict) and part in at
        # A variant's name comes once, before the fields, one of which may be called like it.
        variant = not variant and isinstance(at, dict) and part in map(at.get, DISCRIMINATORS)
        if variant or not (isinstance(part, int) or inside or place == len(parts) - 1):
            continue
        names.append(str(part))
        in_list = isinstance(at, list) and isinstance(part, int) and part < len(at)
        at = at[part] if inside or in_list else None
    return names


def _resolve_paths(value: Any) -> Any:  # noqa: ANN401
    """Resolve every path of a recipe against the working directory of whoever ordered it."""
    if isinstance(value, Path):
        return value.resolve()
    if isinstance(value, list | tuple):
        return type(value)(_resolve_paths(member) for member in value)
    if isinstance(value, BaseModel):
        fields = {name: _resolve_paths(getattr(value, name)) for name in type(value).model_fields}
        return value.model_copy(update=fields)
    return value
