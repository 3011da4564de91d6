"""What the servers said: one file each, begun anew at each start, the one before it kept."""

from __future__ import annotations

import sys
import time
from collections import deque
from pathlib import Path

from coldpress.errors import InputError
from flows.stack import servers
from tasks import home, local_stack

SETUP = "setup"
NAMES = (*servers.NAMES, SETUP)
_LINES = 40
_PAUSE = 0.5


def path(where: Path, name: str) -> Path:
    """Return the log of a server, or of what was set up in Prefect."""
    return local_stack.folder(where) / "logs" / f"{name}.log"


def fresh(where: Path, name: str) -> Path:
    """Set the log of the last start aside, in place of the one before it, and begin anew.

    Args:
        where: The home.
        name: A server's, or `setup`.

    Returns:
        A file that does not exist yet.
    """
    log = path(where, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    return log


def tail(where: Path, name: str, lines: int = _LINES) -> list[str]:
    """Return the last lines of a log; none where there is none."""
    log = path(where, name)
    if not log.exists():
        return []
    with log.open(encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\n") for line in deque(file, lines)]


def show(name: str | None, follow: bool) -> None:
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
    where = home.home()
    shown = [n for n in ([name] if name else NAMES) if path(where, n).exists()]
    if not shown:
        raise InputError(f"SERVER: {name or 'the stack'} has no log; `coldpress up` starts it")
    for each in shown:
        _print(where, each, titled=name is None)
    if follow:
        _follow(path(where, shown[0]))


def _print(where: Path, name: str, *, titled: bool) -> None:
    if titled:
        sys.stdout.write(f"==> {path(where, name)}\n")
    sys.stdout.writelines(f"{line}\n" for line in tail(where, name))


def _follow(log: Path) -> None:
    """Print what is added to a file; a file that was begun anew is read from its beginning."""
    read = log.stat().st_size
    while True:
        sys.stdout.flush()
        time.sleep(_PAUSE)
        size = log.stat().st_size if log.exists() else 0
        if size <= read:
            read = min(size, read)
            continue
        with log.open("rb") as file:
            file.seek(read)
            added = file.read()
        sys.stdout.write(added.decode(errors="replace"))
        read += len(added)
