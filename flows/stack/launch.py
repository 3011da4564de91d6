"""Record this process as a server of the stack, then execute the server in it.

The starting command may be killed at any time, so the new process writes its own record. Its pid
and start time do not change when it executes the server.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tasks.environment import local_stack, processes
from tasks.environment.local_stack import ServerRecord


def main(home: str, server: str, port: str, *command: str) -> None:
    """Record this process and execute the server.

    Args:
        home: The stack's home.
        server: `mlflow`, `prefect` or `worker`.
        port: The server's port; `-` for the worker.
        command: The server's command line.
    """
    record = ServerRecord(None if port == "-" else int(port), processes.current_process_identity())
    local_stack.write_server_record(Path(home), server, record)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
