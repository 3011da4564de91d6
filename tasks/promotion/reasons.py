"""Normalize and validate the reasons stored in audit records."""

from __future__ import annotations

from coldpress.errors import InputError

MAX_CHARACTERS = 500


def normalize(reason: str) -> str:
    """Put a reason on one line, without control characters.

    Args:
        reason: Text entered by a user.

    Returns:
        The normalized text.

    Raises:
        InputError: The reason is empty or too long.
    """
    printable = "".join(c if c.isprintable() else " " for c in reason)
    line = " ".join(printable.split())
    if not line:
        raise InputError("reason: must not be empty; say why in a few words")
    if len(line) > MAX_CHARACTERS:
        raise InputError(
            f"reason: has {len(line)} characters, at most {MAX_CHARACTERS} are allowed"
        )
    return line
