"""Names of the methods in a union, so that contract tests can require all of them."""

from __future__ import annotations

from typing import Any, get_args


def method_names(union: Any) -> set[str]:  # noqa: ANN401
    """Return the values of `method` in a union of methods, such as `PruningStep`."""
    members, _ = get_args(union)
    return {get_args(member.model_fields["method"].annotation)[0] for member in get_args(members)}
