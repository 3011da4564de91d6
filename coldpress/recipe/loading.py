"""Loading of recipes by name or path, with `--set` assignments and validation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from reprlib import Repr
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from coldpress.errors import InputError
from coldpress.recipe.assignments import DISCRIMINATORS, apply_assignments
from coldpress.recipe.presets import fill_in_preset
from coldpress.recipe.recipe import Recipe
from coldpress.schema import paths, yaml_loader


def load_recipe(reference: str, assignments: Sequence[str] = ()) -> Recipe:
    """Load a recipe, apply assignments and validate it.

    Args:
        reference: A path if it contains a slash or ends in `.yaml`; otherwise a name that is looked
            up in `./recipes`, then among the packaged recipes.
        assignments: `a.b=value`, all applied before validation.

    Returns:
        The recipe, with paths resolved against the working directory.

    Raises:
        InputError: The recipe is invalid; the message names the file and the field.
    """
    path = find_recipe(reference)
    content = fill_in_preset(apply_assignments(yaml_loader.load_yaml(path), assignments))
    try:
        recipe: Recipe = _resolve_paths(Recipe.model_validate(content))
    except ValidationError as error:
        raise InputError(f"{path.name}: {describe_first_error(error, content)}") from error
    return recipe


def find_recipe(reference: str) -> Path:
    """Return the file of a recipe.

    Args:
        reference: See `load_recipe`.

    Raises:
        InputError: The file does not exist.
    """
    if "/" in reference or reference.endswith((".yaml", ".yml")):
        return _recipe_file(reference)
    for path in list_recipes():
        if path.stem == reference:
            return path
    names = ", ".join(dict.fromkeys(path.stem for path in list_recipes()))
    raise InputError(f"recipe: no recipe {reference!r}; available: {names}")


def _recipe_file(reference: str) -> Path:
    try:
        path = paths.validate_path(Path(reference))
    except ValueError as error:
        raise InputError(f"recipe: {reference[:80]}: {error}") from error
    if not path.is_file():
        raise InputError(f"recipe: no file {reference}")
    return path


def list_recipes() -> list[Path]:
    """Return the files in `./recipes`, then the packaged ones whose name is not among them."""
    folders = (Path("recipes"), Path(str(files("recipes"))))
    candidates = [
        path for folder in folders for path in sorted(folder.glob("*.yaml")) if path.is_file()
    ]
    return list({path.stem: path for path in reversed(candidates)}.values())[::-1]


def describe_first_error(error: ValidationError, content: object) -> str:
    """Return a one-line message of the first error, with the field as the recipe spells it.

    Args:
        error: Pydantic's error; its locations also contain the names of union variants.
        content: The recipe's plain data.

    Returns:
        `field: message`.
    """
    first, *rest = error.errors(include_url=False)
    names = _field_path(first, content)
    if isinstance(first["input"], list):
        # Of a field that is one value or a list, the error of the list's member comes second.
        first, names = _find_deepest_error(names, [first, *rest], content)
    message = _describe_error(first)
    if first["type"] == "missing":
        message += _unknown_keys_hint(first["loc"][:-1], rest)
    if first["type"] in _DISCRIMINATOR_MESSAGES:
        names.append(first["ctx"]["discriminator"].strip("'"))
    return f"{'.'.join(names)}: {message}" if names else message


def _find_deepest_error(
    names: list[str], errors: Iterable[ErrorDetails], content: object
) -> tuple[ErrorDetails, list[str]]:
    """Return the error with the longest path below a field, and its path."""
    located = [(error, _field_path(error, content)) for error in errors]
    below = [(error, path) for error, path in located if path[: len(names)] == names]
    return max(below, key=lambda pair: len(pair[1]))


def _unknown_keys_hint(section: tuple[int | str, ...], errors: Iterable[ErrorDetails]) -> str:
    """Name the unknown keys in the section of a missing key: it may be misspelled."""
    unknown = [error["loc"] for error in errors if error["type"] == "extra_forbidden"]
    keys = [str(location[-1]) for location in unknown if location[:-1] == section]
    return f"; unknown key: {', '.join(keys)}" if keys else ""


_DISCRIMINATOR_MESSAGES = {
    "union_tag_invalid": "{tag!r} is not one of {expected_tags}",
    "union_tag_not_found": "field required",
}
_PLAIN_MESSAGES = {
    "extra_forbidden": "unknown key",
    "path_type": "must be a path",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
}

_TYPES = frozenset({"bool", "float", "int", "str"})

_SHORT_REPR = Repr()
_SHORT_REPR.maxstring = _SHORT_REPR.maxother = 80


def _describe_error(error: ErrorDetails) -> str:
    """Return the message of an error, with the value if it is a scalar."""
    error_type = error["type"]
    if error_type in _DISCRIMINATOR_MESSAGES:
        return _DISCRIMINATOR_MESSAGES[error_type].format(**error["ctx"])
    message = _PLAIN_MESSAGES.get(error_type, error["msg"].removeprefix("Value error, "))
    message = message[0].lower() + message[1:]
    has_value = error_type not in {"extra_forbidden", "value_error", "missing"}
    if has_value and not isinstance(error["input"], dict | list):
        message = f"{message}, not {_SHORT_REPR.repr(error['input'])}"
    if error_type == "string_type" and (hint := yaml_loader.unquoted_value_hint(error["input"])):
        return f"{message}; {hint}"
    return message


def _field_path(error: ErrorDetails, content: Any) -> list[str]:  # noqa: ANN401
    """Return an error's location without names of variants, which are not in the file."""
    names = []
    parts = list(error["loc"])
    value = content
    is_variant = False
    for position, part in enumerate(parts):
        is_key = isinstance(value, dict) and part in value
        # A variant's name appears once, before the fields; a field may have the same name.
        is_variant = (
            not is_variant and isinstance(value, dict) and part in map(value.get, DISCRIMINATORS)
        )
        # The last name may be missing in the file; `constrained-str` and the like are types.
        is_field = position == len(parts) - 1 and str(part).isidentifier() and part not in _TYPES
        if is_variant or not (isinstance(part, int) or is_key or is_field):
            continue
        names.append(str(part))
        is_index = isinstance(value, list) and isinstance(part, int) and part < len(value)
        value = value[part] if is_key or is_index else None
    return names


def _resolve_paths(value: Any) -> Any:  # noqa: ANN401
    """Resolve every path of a recipe against the current working directory."""
    if isinstance(value, Path):
        return value.resolve()
    if isinstance(value, list | tuple):
        return type(value)(_resolve_paths(member) for member in value)
    if isinstance(value, BaseModel):
        fields = {name: _resolve_paths(getattr(value, name)) for name in type(value).model_fields}
        return value.model_copy(update=fields)
    return value
