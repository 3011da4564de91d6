"""Process of the embedded Prefect server: records its pid, then executes the server.

On Linux the server ends with its owner. Elsewhere the next command finds the record, which is
written before the server starts, and stops the orphan.
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
    """Record this process and execute the server in it.

    Args:
        record: Path of the record.
        owner: Name of the process that the server belongs to, from `current_process_identity`.
        command: The server's command line.
    """
    _end_with_owner()
    if processes.is_gone(owner):
        return
    write_record(Path(record), owner)
    os.execv(command[0], command)  # noqa: S606


def write_record(path: Path, owner: str) -> None:
    """Record this process as the server of an owner, atomically: a kill may come at any time.

    Args:
        path: Path of the record.
        owner: Name of the process that the server must not outlive.
    """
    temporary = path.with_suffix(".part")
    temporary.write_text(
        json.dumps({"owner": owner, "server": processes.current_process_identity()}),
        encoding="utf-8",
    )
    temporary.replace(path)


def _end_with_owner() -> None:
    with suppress(AttributeError, OSError):  # not on Linux
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])
