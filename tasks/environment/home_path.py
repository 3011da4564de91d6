"""Restrictions on the path of a home."""

from __future__ import annotations

import os
import re
from pathlib import Path

MAX_BYTES = 380
"""SQLite opens no file whose path is longer than some 500; files in the home add to it."""
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")


def path_error(directory: Path) -> str | None:
    """Return in one line why a folder cannot be a home, because of its path.

    Args:
        directory: Absolute path.

    Returns:
        None if the path is usable.
    """
    path = str(directory)
    if not path.isprintable() and any("\ud800" <= character <= "\udfff" for character in path):
        return f"{os.fsencode(directory)!r} is not UTF-8"
    if "?" in path:
        return f"{path} contains a question mark, which a database URI cannot contain"
    if escape := _ESCAPE.search(path):
        return f"{path} contains {escape[0]}, which MLflow decodes to another character"
    length = len(os.fsencode(directory))
    if length > MAX_BYTES:
        return f"{path[:60]}... has {length} bytes; SQLite can use at most {MAX_BYTES}"
    return None
