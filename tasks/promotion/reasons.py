"""Reasons of moves, as the audit keeps them."""

from __future__ import annotations

from coldpress.errors import InputError

MAX_CHARACTERS = 500


def normalize(reason: str) -> str:
    """Make a reason fit for a record.

    Args:
        reason: What a person wrote.

    Returns:
        The same on one line, without control characters.

    Raises:
        InputError: It is empty or too long.
    """
    printable = "".join(c if c.isprintable() else " " for c in reason)
    line = " ".join(printable.split())
    if not line:
        raise InputError("reason: say why, in a few words")
    if len(line) > MAX_CHARACTERS:
        raise InputError(f"reason: {len(line)} characters, of {MAX_CHARACTERS} at most")
    return line
