"""Files for a person or a script: there whole, or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from coldpress import paths
from coldpress.errors import InputError


def checked_target(path: Path, option: str) -> Path:
    """Make sure that a file can be written, before any work is done.

    Args:
        path: Where to; relative to the working directory.
        option: What asked for it, for the message.

    Returns:
        The absolute path.

    Raises:
        InputError: Its folder does not exist or takes no files, or it is a folder itself.
    """
    try:
        target = paths.possible(path).resolve()
    except ValueError as error:
        raise InputError(f"{option}: {error}") from error
    if not target.parent.is_dir():
        raise InputError(f"{option}: no folder {target.parent}")
    if target.is_dir():
        raise InputError(f"{option}: {target} is a folder")
    try:
        tempfile.TemporaryFile(dir=target.parent).close()
    except OSError as error:
        place = f"{target.parent} takes no files: {error.strerror}"
        raise InputError(f"{option}: {place}") from error
    return target


def write_whole(target: Path, text: str) -> None:
    """Write aside and move, so that a reader never sees half a file.

    Args:
        target: Where to; its folder exists.
        text: The content.
    """
    with tempfile.NamedTemporaryFile(
        "w", dir=target.parent, delete=False, encoding="utf-8"
    ) as file:
        file.write(text)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(target)
