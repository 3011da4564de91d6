"""Whether a path that somebody wrote can be one."""

from __future__ import annotations

from pathlib import Path


def validate_path(path: Path) -> Path:
    """Refuse a path that no file can have, or that may not be looked at. It need not exist.

    Args:
        path: As it was written, perhaps with a `~`.

    Returns:
        The same with the home directory in place of `~`.

    Raises:
        ValueError: What is wrong with it.
    """
    try:
        expanded = path.expanduser()
        if not expanded.is_absolute() and not _working_directory_exists():
            raise ValueError("the working directory does not exist any more")
        expanded.stat()
    except (FileNotFoundError, NotADirectoryError):
        return expanded
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(getattr(error, "strerror", None) or str(error)) from error
    return expanded


def _working_directory_exists() -> bool:
    """Whether a relative path means anything: the working directory may have been deleted."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True
