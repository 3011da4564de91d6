"""Mappings between label names in recipes."""

from __future__ import annotations

from typing import Any

from coldpress.schema.yaml_loader import unquoted_value_hint


def coerce_label_names(value: Any) -> Any:  # noqa: ANN401
    """Convert whole numbers to text; refuse other values that YAML makes of unquoted words.

    Args:
        value: What the recipe has.

    Raises:
        ValueError: A name is neither text nor a whole number.
    """
    if not isinstance(value, dict):
        return value
    for name in (*value, *value.values()):
        if type(name) is not int and not isinstance(name, str):
            raise ValueError(
                f"{name!r} is not a name; {unquoted_value_hint(name) or 'names are text'}"
            )
    return {str(name): str(label) for name, label in value.items()}
