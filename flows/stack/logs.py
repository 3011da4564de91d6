"""Logs of the stack: one file per server, rotated at each start; one old file is kept."""

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


def log_path(home_path: Path, name: str) -> Path:
    """Return the log file of a server, or of the setup of Prefect."""
    return local_stack.stack_folder(home_path) / "logs" / f"{name}.log"


def rotate(home_path: Path, name: str) -> Path:
    """Rename the current log, replacing the previous one, and return the path for a new log.

    Args:
        home_path: The stack's home.
        name: A server, or `setup`.
    """
    log = log_path(home_path, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    return log


def tail(home_path: Path, name: str, lines: int = _TAIL_LINES) -> list[str]:
    """Return the last lines of a log; empty if there is no log."""
    log = log_path(home_path, name)
    return _last_lines(log, lines)[0] if log.exists() else []


def _last_lines(log: Path, lines: int) -> tuple[list[str], int]:
    """The last lines, and the position in bytes after them."""
    with log.open("rb") as file:
        last = deque(file, lines)
        return [line.decode(errors="replace").rstrip("\n") for line in last], file.tell()


def print_logs(name: str | None, follow: bool) -> None:
    """Print the last lines of one log, or of all.

    Args:
        name: A server, `setup`, or None for all.
        follow: Keep printing new lines until interrupted.

    Raises:
        InputError: There is no such log, or it does not exist yet.
    """
    if name is not None and name not in NAMES:
        raise InputError(f"SERVER: {name} is not one of {', '.join(NAMES)}")
    if follow and name is None:
        raise InputError(f"--follow: name one of {', '.join(NAMES)}")
    home_path = home.home_directory()
    logs = [log_path(home_path, n) for n in ([name] if name else NAMES)]
    logs = [log for log in logs if log.exists()]
    if not logs:
        raise InputError(f"SERVER: {name or 'the stack'} has no log; `coldpress up` starts it")
    for log in logs:
        position = _print_tail(log, titled=name is None)
    if follow:
        with suppress(KeyboardInterrupt):
            _follow(logs[0], position)


def _print_tail(log: Path, *, titled: bool) -> int:
    if titled:
        sys.stdout.write(f"==> {log}\n")
    lines, position = _last_lines(log, _TAIL_LINES)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return position


def _follow(log: Path, position: int) -> None:
    """Print new lines until interrupted or until standard output is closed.

    A rotated log is followed from the beginning of its new file.
    """
    inode = log.stat().st_ino
    while not streams.is_reader_gone():
        sys.stdout.flush()
        time.sleep(_POLL_SECONDS)
        if not log.exists():
            continue
        with log.open("rb") as file:
            current_inode = os.fstat(file.fileno()).st_ino
            file.seek(position if current_inode == inode else 0)
            new_content = file.read()
            inode = current_inode
            position = file.tell()
        sys.stdout.write(new_content.decode(errors="replace"))
