"""Validation of paths that users write."""

from __future__ import annotations

from pathlib import Path


def validate_path(path: Path) -> Path:
    """Expand `~` and refuse a path that is invalid or inaccessible. It need not exist.

    Args:
        path: A path as the user wrote it.

    Returns:
        The path with `~` expanded.

    Raises:
        ValueError: The path is invalid or must not be accessed; the message is the reason.
    """
    try:
        expanded = path.expanduser()
        if not expanded.is_absolute() and not _working_directory_exists():
            raise ValueError("the working directory no longer exists")
        expanded.stat()
    except (FileNotFoundError, NotADirectoryError):
        return expanded
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(getattr(error, "strerror", None) or str(error)) from error
    return expanded


def _working_directory_exists() -> bool:
    """Return whether the working directory, which others may delete, is still there."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True
