"""Combinations of values for a sweep."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from typing import Any

import yaml

from coldpress.errors import InputError
from coldpress.schema import yaml_loader

MAX_RUNS = 1000
_INTEGERS = re.compile(r"(-?\d+)\.\.(-?\d+)")


def parse_axes(assignments: Sequence[str]) -> dict[str, list[Any]]:
    """Parse fields with several values: `seed=0..4` or `quantize.method=dynamic-int8,static-int8`.

    Args:
        assignments: Values are YAML, with commas between them; `0..4` are five integers.

    Returns:
        Values by field.

    Raises:
        InputError: An assignment is malformed, or a field is named twice.
    """
    axes: dict[str, list[Any]] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not text.strip() or not all(name.split(".")):
            raise InputError(f"--over {assignment}: expected FIELD=VALUES, as in seed=0..4")
        if name in axes:
            raise InputError(f"--over {assignment}: {name} is named twice")
        axes[name] = _parse_values(assignment, text)
    if not axes:
        raise InputError("--over: at least one field is required, as in seed=0..4")
    return axes


def combine(axes: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Return all combinations of values, the last field changing first.

    Raises:
        InputError: There are too many.
    """
    combinations = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    if len(combinations) > MAX_RUNS:
        raise InputError(f"--over: {len(combinations)} runs, but at most {MAX_RUNS} are possible")
    return combinations


def _parse_values(assignment: str, text: str) -> list[Any]:
    match = _INTEGERS.fullmatch(text.strip())
    if match:
        values: list[Any] = list(range(int(match[1]), int(match[2]) + 1))
    else:
        values = _parse_list(assignment, text)
    if not values:
        raise InputError(f"--over {assignment}: no values")
    texts = [repr(value) for value in values]
    if len(set(texts)) < len(texts):
        raise InputError(f"--over {assignment}: a value occurs twice")
    return values


def _parse_list(assignment: str, text: str) -> list[Any]:
    try:
        values = yaml_loader.parse_yaml(f"[{text}]")
    except (yaml.YAMLError, RecursionError) as error:
        reason = yaml_loader.yaml_error_reason(error)
        raise InputError(f"--over {assignment}: invalid YAML: {reason}") from error
    if not isinstance(values, list):
        raise InputError(f"--over {assignment}: expected values with commas between them")
    return values
