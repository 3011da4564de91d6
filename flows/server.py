"""Prefect's ephemeral server: started once, recorded, and ended even after its owner was killed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from prefect.logging.handlers import APILogHandler
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL

from tasks import access, home, local_stack, processes


@contextmanager
def running() -> Iterator[None]:
    """Have a Prefect server for the length of a block: the configured one, or an own one.

    Raises:
        InputError: The configured one refuses this process; or the stack of this home is up, but
            its Prefect server is gone.
    """
    end_orphans()
    if PREFECT_API_URL.value():
        access.check_prefect()
        yield
        return
    local_stack.must_run(home.home(), local_stack.PREFECT)
    server = SubprocessASGIServer()
    server.start()
    record = _record(server)
    try:
        yield
    finally:
        APILogHandler().flush()
        server.stop()
        record.unlink(missing_ok=True)


def end_orphans() -> int:
    """End the servers that killed commands left behind.

    Returns:
        How many were ended.
    """
    ended = 0
    for path in sorted(_folder().glob("*.json")):
        try:
            known = json.loads(path.read_text())
        except (ValueError, FileNotFoundError):
            known = {}
        if known and not processes.is_gone(known["owner"]):
            continue
        ended += processes.end(known.get("server"))
        path.unlink(missing_ok=True)
    return ended


def _record(server: SubprocessASGIServer) -> Path:
    """Write down whose server this is; moved into place whole, since a kill may come now."""
    process = server.server_process
    if process is None:
        raise RuntimeError("Prefect's ephemeral server has no process")
    known = {
        "owner": processes.this_process(),
        "server": processes.name_of(psutil.Process(process.pid)),
    }
    path = _folder() / f"{os.getpid()}.json"
    aside = path.with_suffix(".part")
    aside.write_text(json.dumps(known))
    aside.replace(path)
    return path


def _folder() -> Path:
    folder = home.home() / "servers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
