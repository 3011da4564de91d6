"""Output files: regular files are written atomically, devices and pipes directly."""

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
"""Symbolic links followed at most; Linux has the same limit."""


def validate_output_path(path: Path, option: str) -> Path:
    """Check that a file can be written, before any work is done.

    Args:
        path: Relative to the working directory, or absolute. A link is followed and kept. A
            device, a pipe, or a descriptor such as `/dev/stdout` is written to directly.
        option: The option that names it, for the error message.

    Returns:
        The absolute path.

    Raises:
        InputError: Its folder does not exist or is not writable, or the path is a folder, a file
            that is not writable, or one of Coldpress's own files.
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
            raise InputError(f"{option}: {target} is not writable")
        return target
    try:
        tempfile.TemporaryFile(dir=target.parent).close()
    except OSError as error:
        message = f"cannot create a file in {target.parent}: {error.strerror}"
        raise InputError(f"{option}: {message}") from error
    return target


def _check_file_type(target: Path, option: str) -> None:
    if target.is_dir():
        raise InputError(f"{option}: {target} is a folder")
    if target.is_block_device() or target.is_socket():
        raise InputError(f"{option}: {target} is neither a file, nor a pipe, nor a terminal")


def _check_not_internal(target: Path, option: str) -> None:
    """Refuse to overwrite what Coldpress keeps in its home."""
    directory = home.home_directory()
    if not target.is_relative_to(directory):
        return
    top = target.relative_to(directory).parts[0]
    if top.startswith("mlflow.") or top in home.HOME_ENTRIES:
        raise InputError(f"{option}: {target} is one of Coldpress's own files")


def check_not_input(target: Path | None, inputs: Iterable[Path], option: str) -> None:
    """Refuse to overwrite an input of the command.

    Args:
        target: From `validate_output_path`; None if no file is written.
        inputs: Files, and folders with everything in them.
        option: The option that names the target, for the error message.

    Raises:
        InputError: The target is one of the inputs.
    """
    if target is not None and is_input(target, inputs):
        raise InputError(f"{option}: {target} is an input, and would be overwritten")


def is_input(target: Path, inputs: Iterable[Path]) -> bool:
    """Whether a target is one of the files, or in one of the folders."""
    return any(_contains(source, target) for source in inputs)


def _contains(source: Path, target: Path) -> bool:
    try:
        return source.samefile(target) or (
            source.is_dir() and target.is_relative_to(source.resolve())
        )
    except (OSError, ValueError):
        return False  # one of the two does not exist


def is_stream(target: Path) -> bool:
    """Whether a path is a device, a pipe or an open descriptor rather than a regular file."""
    return _descriptor(target) is not None or (target.exists() and not target.is_file())


def write_atomic(target: Path, text: str) -> None:
    """Write a temporary file and rename it, so that no reader sees half a file.

    Args:
        target: From `validate_output_path`; a device or pipe is written to directly.
        text: The content.

    Raises:
        OutputError: Writing failed, as on a full disk.
    """
    try:
        if is_stream(target):
            _write_to_stream(target, text)
        else:
            _replace_file(target, text)
    except OSError as error:
        if error.errno != errno.EPIPE:  # else the reader has closed the pipe
            raise OutputError(error.errno, error.strerror, str(target)) from error


def _write_to_stream(target: Path, text: str) -> None:
    """Write at an open descriptor's current position, such as the end of a log."""
    sys.stdout.flush()
    descriptor = _descriptor(target)
    path_or_descriptor = target if descriptor is None else os.dup(descriptor)
    with open(path_or_descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - may be a number
        file.write(text)


def _replace_file(target: Path, text: str) -> None:
    temporary = target.with_name(f".coldpress-{uuid4().hex}.part")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text)
        if target.exists():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
    except OSError as error:
        # A file that is itself a mount point, or in a read-only folder, is written in place.
        if error.errno not in {errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS}:
            raise
        target.write_text(text, encoding="utf-8")
    finally:
        temporary.unlink(missing_ok=True)


def _descriptor(path: Path) -> int | None:
    """The descriptor of this process that a path such as `/dev/stdout` leads to, if any."""
    folders = {Path("/dev/fd"), Path("/proc/self/fd").resolve()}
    for _ in range(_MAX_LINKS):
        if path.name.isdecimal() and path.parent.resolve() in folders:
            return int(path.name)
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


def _check_open_for_writing(descriptor: int, place: str) -> None:
    """Accept inherited descriptors only: the others are this process's databases and sockets."""
    try:
        access_mode = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
        usable = access_mode != os.O_RDONLY and os.get_inheritable(descriptor)
    except OSError:
        usable = False
    if not usable:
        raise InputError(f"{place} is not open for writing")
