"""Which paths no home can have."""

from __future__ import annotations

import os
import re
from pathlib import Path

MAX_BYTES = 380
"""SQLite opens no file whose path is longer than some 500; the home's own folders come on top."""
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")


def path_error(directory: Path) -> str | None:
    """Say in one line why nothing could be kept in a folder of this path, or only beside it.

    Args:
        directory: Absolute.

    Returns:
        None where a home can be there.
    """
    path = str(directory)
    if not path.isprintable() and any("\ud800" <= character <= "\udfff" for character in path):
        return f"{os.fsencode(directory)!r} is not UTF-8"
    if "?" in path:
        return f"{path} has a question mark, which an address of a database cannot hold"
    if escape := _ESCAPE.search(path):
        return f"{path} holds {escape[0]}, which MLflow takes for another character"
    length = len(os.fsencode(directory))
    if length > MAX_BYTES:
        return f"{path[:60]}... has {length} bytes; {MAX_BYTES} is the most that SQLite can use"
    return None
