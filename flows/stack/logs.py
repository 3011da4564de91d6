"""What the servers said: one file each, begun anew at each start, the one before it kept."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

from coldpress.errors import InputError
from flows.stack import servers
from tasks.environment import home, local_stack, streams

SETUP = "setup"
NAMES = (*servers.NAMES, SETUP)
_TAIL_LINES = 40
_POLL_SECONDS = 0.5


def log_path(where: Path, name: str) -> Path:
    """Return the log of a server, or of what was set up in Prefect."""
    return local_stack.stack_folder(where) / "logs" / f"{name}.log"


def rotate(where: Path, name: str) -> Path:
    """Set the log of the last start aside, in place of the one before it, and begin anew.

    Args:
        where: The home.
        name: A server's, or `setup`.

    Returns:
        A file that does not exist yet.
    """
    log = log_path(where, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    return log


def tail(where: Path, name: str, lines: int = _TAIL_LINES) -> list[str]:
    """Return the last lines of a log; none where there is none."""
    log = log_path(where, name)
    return _last_lines(log, lines)[0] if log.exists() else []


def _last_lines(log: Path, lines: int) -> tuple[list[str], int]:
    """The last lines, and how far the file was read to find them, in bytes."""
    with log.open("rb") as file:
        found = deque(file, lines)
        return [line.decode(errors="replace").rstrip("\n") for line in found], file.tell()


def print_logs(name: str | None, follow: bool) -> None:
    """Print the last lines of one log, or of all.

    Args:
        name: A server's, `setup`, or None for all.
        follow: Go on with what is added, until interrupted.

    Raises:
        InputError: There is no such server, or nothing of it yet.
    """
    if name is not None and name not in NAMES:
        raise InputError(f"SERVER: {name} is none of {', '.join(NAMES)}")
    if follow and name is None:
        raise InputError(f"--follow: follows one of {', '.join(NAMES)}")
    where = home.home_directory()
    shown = [n for n in ([name] if name else NAMES) if log_path(where, n).exists()]
    if not shown:
        raise InputError(f"SERVER: {name or 'the stack'} has no log; `coldpress up` starts it")
    for each in shown:
        read = _print_tail(log_path(where, each), titled=name is None)
    if follow:
        with suppress(KeyboardInterrupt):
            _follow(log_path(where, shown[0]), read)


def _print_tail(log: Path, *, titled: bool) -> int:
    if titled:
        sys.stdout.write(f"==> {log}\n")
    lines, read = _last_lines(log, _TAIL_LINES)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return read


def _follow(log: Path, read: int) -> None:
    """Print what is added to a file; one that was begun anew is read from its beginning.

    Until interrupted, or until nobody reads it any more.
    """
    known = log.stat().st_ino
    while not streams.is_reader_gone():
        sys.stdout.flush()
        time.sleep(_POLL_SECONDS)
        if not log.exists():
            continue
        with log.open("rb") as file:
            begun = os.fstat(file.fileno()).st_ino
            file.seek(read if begun == known else 0)
            added = file.read()
            known, read = begun, file.tell()
        sys.stdout.write(added.decode(errors="replace"))
