"""Files for a person or a script: there whole, or not at all; devices and pipes as they are."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from coldpress.errors import InputError
from coldpress.schema import paths
from tasks.environment import home
from tasks.environment.streams import OutputError

_MAX_LINKS = 40
"""Followed at most, as by the system."""


def validate_output_path(path: Path, option: str) -> Path:
    """Make sure that a file can be written, before any work is done.

    Args:
        path: Where to; relative to the working directory. A link stays one: what it leads to is
            written. A device, a pipe, or a descriptor as in `/dev/stdout` is written through.
        option: What asked for it, for the message.

    Returns:
        The absolute path.

    Raises:
        InputError: Its folder does not exist or takes no files, it is a folder itself, may not be
            written, or is Coldpress's own.
    """
    descriptor = _descriptor(path)
    if descriptor is not None:
        _check_open_for_writing(descriptor, f"{option}: {path}")
        return path.absolute()
    try:
        target = paths.validate_path(path).resolve()
    except ValueError as error:
        raise InputError(f"{option}: {error}") from error
    if not target.parent.is_dir():
        raise InputError(f"{option}: no folder {target.parent}")
    _check_file_type(target, option)
    _check_not_internal(target, option)
    if target.exists():
        if not os.access(target, os.W_OK):
            raise InputError(f"{option}: {target} may not be written")
        return target
    try:
        tempfile.TemporaryFile(dir=target.parent).close()
    except OSError as error:
        place = f"{target.parent} takes no files: {error.strerror}"
        raise InputError(f"{option}: {place}") from error
    return target


def _check_file_type(target: Path, option: str) -> None:
    if target.is_dir():
        raise InputError(f"{option}: {target} is a folder")
    if target.is_block_device() or target.is_socket():
        raise InputError(f"{option}: {target} is neither a file, nor a pipe, nor a terminal")


def _check_not_internal(target: Path, option: str) -> None:
    """What Coldpress keeps in its home is no place for anything else."""
    directory = home.home_directory()
    if not target.is_relative_to(directory):
        return
    top = target.relative_to(directory).parts[0]
    if top.startswith("mlflow.") or top in home.HOME_ENTRIES:
        raise InputError(f"{option}: {target} is among what Coldpress keeps in its home")


def check_not_input(target: Path | None, inputs: Iterable[Path], option: str) -> None:
    """Refuse to write over what a command reads.

    Args:
        target: From `checked_target`; None where nothing is to be written.
        inputs: Files, and folders with all that is in them.
        option: What asked for the target, for the message.

    Raises:
        InputError: The target is one of them.
    """
    if target is not None and is_input(target, inputs):
        raise InputError(f"{option}: {target} is an input, and would be overwritten")


def is_input(target: Path, inputs: Iterable[Path]) -> bool:
    """Whether a target is one of some files, or in one of some folders."""
    return any(_contains(source, target) for source in inputs)


def _contains(source: Path, target: Path) -> bool:
    try:
        return source.samefile(target) or (
            source.is_dir() and target.is_relative_to(source.resolve())
        )
    except (OSError, ValueError):
        return False  # one of them is not there


def is_stream(target: Path) -> bool:
    """Whether a path leads to a device, a pipe or an open descriptor instead of a file."""
    return _descriptor(target) is not None or (target.exists() and not target.is_file())


def write_atomic(target: Path, text: str) -> None:
    """Write aside and move, so that a reader never sees half a file.

    Args:
        target: From `checked_target`.
        text: The content.

    Raises:
        OutputError: It cannot be written after all: the disk is full, say.
    """
    try:
        if is_stream(target):
            _write_to_stream(target, text)
        else:
            _replace_file(target, text)
    except OSError as error:
        if error.errno != errno.EPIPE:  # else its reader has seen enough
            raise OutputError(error.errno, error.strerror, str(target)) from error


def _write_to_stream(target: Path, text: str) -> None:
    """An open descriptor goes on where it is: at the end of a log, say."""
    sys.stdout.flush()
    descriptor = _descriptor(target)
    place = target if descriptor is None else os.dup(descriptor)
    with open(place, "w", encoding="utf-8") as file:  # noqa: PTH123 - may be a number
        file.write(text)


def _replace_file(target: Path, text: str) -> None:
    aside = target.with_name(f".coldpress-{uuid4().hex}.part")
    try:
        with aside.open("x", encoding="utf-8") as file:
            file.write(text)
        if target.exists():
            aside.chmod(stat.S_IMODE(target.stat().st_mode))
        aside.replace(target)
    except OSError as error:
        # A file that is mounted by itself, or whose folder is not ours, can be written in place.
        if error.errno not in {errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS}:
            raise
        target.write_text(text, encoding="utf-8")
    finally:
        aside.unlink(missing_ok=True)


def _descriptor(path: Path) -> int | None:
    """The number of this process's own descriptor that a path such as `/dev/stdout` names."""
    own = {Path("/dev/fd"), Path("/proc/self/fd").resolve()}
    for _ in range(_MAX_LINKS):
        if path.name.isdecimal() and path.parent.resolve() in own:
            return int(path.name)
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


def _check_open_for_writing(descriptor: int, place: str) -> None:
    """Only what this process was started with: others are its databases and servers."""
    try:
        how = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
        usable = how != os.O_RDONLY and os.get_inheritable(descriptor)
    except OSError:
        usable = False
    if not usable:
        raise InputError(f"{place} is not open for writing")
