"""Folders that a command writes aside and moves into place whole."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from coldpress.errors import InputError
from coldpress.schema import paths
from tasks.environment.streams import OutputError

_TEMPORARY_PREFIX = ".pulled."
# Constants of Linux, which Python does not have.
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def find_target(directory: Path, replaceable: Callable[[Path], bool] | None = None) -> Path:
    """Check that a folder can be written, and create its parents.

    Args:
        directory: As the user wrote it; it must not exist yet, or be empty or replaceable.
        replaceable: Whether a folder may be replaced; None if no folder may be.

    Returns:
        The absolute path.

    Raises:
        InputError: The folder is in use, or cannot be written.
    """
    try:
        target = paths.validate_path(directory).resolve()
        in_use = target.exists() and (not target.is_dir() or bool(_entries(target)))
        if in_use and not (replaceable is not None and replaceable(target)):
            raise InputError(f"DIR: {directory} exists and is not an empty folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=_parent(target)).close()
    except (OSError, ValueError) as error:
        raise InputError(f"DIR: {error}") from error
    return target


@contextmanager
def staging_folder(target: Path, directory: Path) -> Iterator[Path]:
    """Create a temporary folder on the same disk as a target, and delete it at the end.

    Args:
        target: Of `find_target`.
        directory: The same folder as the user wrote it, for messages.

    Raises:
        OutputError: Something could not be written.
    """
    folder = Path(tempfile.mkdtemp(dir=_parent(target), prefix=_TEMPORARY_PREFIX))
    try:
        yield folder
    except OSError as error:
        raise OutputError(error.errno, error.strerror, str(directory)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move_into_place(folder: Path, target: Path, last: str) -> None:
    """Move a complete folder to its target; a kill leaves no complete folder, or a whole one.

    An empty folder may be a mount point or the working directory of a shell and is never replaced:
    files are moved into it one by one.

    Args:
        folder: Within a folder of `staging_folder`.
        target: Of `find_target`.
        last: Name of the file without which the folder is incomplete.
    """
    if not target.exists():
        folder.replace(target)
    elif _entries(target):
        _replace_folder(folder, target)
    else:
        for path in sorted(folder.iterdir(), key=lambda path: path.name == last):
            path.replace(target / path.name)


def _replace_folder(folder: Path, target: Path) -> None:
    """Put a folder in the place of another, which is deleted with the temporary folder."""
    try:
        _exchange(folder, target)
    except (AttributeError, OSError):
        _replace_in_two_steps(folder, target)


def _exchange(first: Path, second: Path) -> None:
    """Exchange two folders at once, so that neither a kill nor a reader meets a missing one.

    Raises:
        AttributeError: The C library has no such function.
        OSError: The file system cannot exchange folders, as NFS, or it failed.
    """
    library = ctypes.CDLL(None, use_errno=True)
    paths = (_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second))
    if library.renameat2(*paths, _RENAME_EXCHANGE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(second))


def _replace_in_two_steps(folder: Path, target: Path) -> None:
    """Replace a folder where folders cannot be exchanged; for an instant there is none."""
    old = folder.with_name(f"{folder.name}.old")
    target.replace(old)
    try:
        folder.replace(target)
    except OSError:
        old.replace(target)
        raise


def _entries(target: Path) -> list[Path]:
    """The entries of a folder, without the leftovers of a killed command."""
    return [path for path in target.iterdir() if not path.name.startswith(_TEMPORARY_PREFIX)]


def _parent(target: Path) -> Path:
    """Return where to write aside: in an empty folder itself, since it may be a mount point."""
    if target.exists() and not _entries(target):
        return target
    return target.parent
