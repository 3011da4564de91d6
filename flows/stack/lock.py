"""Lock that lets one `up` or `down` of a stack run at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.environment import local_stack


@contextmanager
def stack_lock(home: Path) -> Iterator[None]:
    """Hold the lock of a home's stack inside the block; wait for it first.

    The operating system releases the lock if this process is killed.

    Args:
        home: The stack's home.
    """
    folder = local_stack.stack_folder(home)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
