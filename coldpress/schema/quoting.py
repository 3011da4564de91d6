"""Quote names of users in messages, exactly as they are."""

from __future__ import annotations

from collections.abc import Sequence

_MAX_LENGTH = 80


def quote_names(names: Sequence[str], most: int = 8) -> str:
    """Quote names for one line, so that spaces and the like are seen.

    Args:
        names: Any text.
        most: How many are shown; of the others only their number.

    Returns:
        As in `'text', ' label' and 3 more`; `none` where there are none.
    """
    shown = ", ".join(_quote_name(name) for name in names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{shown}{more}" or "none"


def _quote_name(name: str) -> str:
    return repr(name if len(name) <= _MAX_LENGTH else f"{name[:_MAX_LENGTH]}...")
