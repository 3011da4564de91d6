"""One `up` or `down` of a stack at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.environment import local_stack


@contextmanager
def stack_lock(home: Path) -> Iterator[None]:
    """Wait until no other command changes the stack of a home, and keep others waiting.

    The system itself lets go of it when this process is killed.

    Args:
        home: Whose stack it is.
    """
    folder = local_stack.stack_folder(home)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
