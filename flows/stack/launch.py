"""Become a server, having written down first which process it is.

Whoever starts a server may be killed before it could write; so the server's own process writes, and
then turns into it: the pid and the time of its start stay the same.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tasks.environment import local_stack, processes
from tasks.environment.local_stack import ServerRecord


def main(home: str, server: str, port: str, *command: str) -> None:
    """Record this process as a server and become it.

    Args:
        home: Whose stack it is.
        server: `mlflow`, `prefect` or `worker`.
        port: On loopback; `-` for the worker.
        command: What to become.
    """
    known = ServerRecord(None if port == "-" else int(port), processes.current_process_identity())
    local_stack.write_server_record(Path(home), server, known)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
