"""Changes to fields of a recipe's plain data: `--set` and the values of trials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import yaml

from coldpress.errors import InputError
from coldpress.schema import yaml_loader

DISCRIMINATORS = ("method", "origin")


def apply_assignments(content: dict[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Apply `a.b=value` assignments to the plain data of a recipe.

    Their order does not matter: a whole section is set before its members, and a method or an
    origin before the other keys of its section, as changing it removes the old keys.

    Args:
        content: Parsed YAML, changed in place.
        assignments: Values are parsed as YAML; list items are addressed by index.

    Returns:
        The same mapping.

    Raises:
        InputError: An assignment has no `=`, an invalid value, or an index out of range.
    """
    return apply_values(content, [_parse_assignment(text) for text in assignments])


def apply_values(
    content: dict[str, Any], values: Iterable[tuple[Sequence[str], object]]
) -> dict[str, Any]:
    """Set fields of a recipe's plain data, in the order of `apply_assignments`.

    Args:
        content: Changed in place.
        values: Names of nested fields, and their value.

    Returns:
        The same mapping.

    Raises:
        InputError: An index is out of range.
    """
    for path, value in sorted(values, key=lambda pair: _assignment_order(pair[0])):
        _set_value(content, path, value)
    return content


def _assignment_order(path: Sequence[str]) -> tuple[int, bool]:
    return len(path), path[-1] not in DISCRIMINATORS


def _parse_assignment(text: str) -> tuple[list[str], Any]:
    name, equals, value = text.partition("=")
    if not equals or not all(name.split(".")):
        raise InputError(f"--set {text}: expected field=value, as in distill.epochs=3")
    try:
        return name.split("."), yaml_loader.parse_yaml(value)
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(
            f"--set {text[:80]}: invalid YAML: {yaml_loader.yaml_error_reason(error)}"
        ) from error


def _set_value(content: dict[str, Any], path: Sequence[str], value: object) -> None:
    parent: Any = content
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
    """Return a member as a container; a scalar, null or missing member is replaced by one."""
    key: Any = _list_index(parent, name, path) if isinstance(parent, list) else name
    child = parent[key] if isinstance(parent, list) else parent.get(key)
    if not isinstance(child, dict | list):
        child = parent[key] = [] if following.isdecimal() else {}
    return child


def _list_index(items: list[Any], name: str, path: Sequence[str]) -> int:
    """Return a list index; the index after the last item appends one."""
    if not name.isdecimal() or int(name) > len(items):
        raise InputError(f"--set {'.'.join(path)}: {name!r} is not an index from 0 to {len(items)}")
    if int(name) == len(items):
        items.append({})
    return int(name)
