"""Become the embedded Prefect server, bound to the process that asked for it.

The server ends with its owner where the system offers that (Linux). Where it does not, the next
command finds the record, which is written before the server is one.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from tasks.environment import processes

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main(record: str, owner: str, *command: str) -> None:
    """Record this process and become the server.

    Args:
        record: The file that the next command looks for.
        owner: Name of the process that runs the server, from `processes.current_process_identity`.
        command: What to become.
    """
    _end_with_owner()
    if processes.is_gone(owner):
        return
    write_record(Path(record), owner)
    os.execv(command[0], command)  # noqa: S606


def write_record(path: Path, owner: str) -> None:
    """Write down whose server this process is; moved into place whole, since a kill may come now.

    Args:
        path: Where to.
        owner: Name of the process that the server must not outlive.
    """
    aside = path.with_suffix(".part")
    aside.write_text(
        json.dumps({"owner": owner, "server": processes.current_process_identity()}),
        encoding="utf-8",
    )
    aside.replace(path)


def _end_with_owner() -> None:
    with suppress(AttributeError, OSError):  # not on Linux
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])
