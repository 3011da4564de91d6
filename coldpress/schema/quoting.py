"""Quoting of user-defined names in messages."""

from __future__ import annotations

from collections.abc import Sequence

_MAX_LENGTH = 80


def quote_names(names: Sequence[str], limit: int = 8) -> str:
    """Quote names for a one-line message, so that white space is visible.

    Args:
        names: Names of columns, labels and the like.
        limit: How many names to list; the rest is only counted.

    Returns:
        As in `'text', ' label' and 3 more`; `none` if there are no names.
    """
    listed = ", ".join(_quote_name(name) for name in names[:limit])
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{listed}{more}" or "none"


def _quote_name(name: str) -> str:
    return repr(name if len(name) <= _MAX_LENGTH else f"{name[:_MAX_LENGTH]}...")
