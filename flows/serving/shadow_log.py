"""Log comparisons with a challenger to MLflow, without importing it.

With a server each write is some requests. An embedded registry is written by another process, which
ends afterwards. It has a low priority while users wait for answers, and it completes the last write
even if this process does not wait for it.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from contextlib import suppress

from flows.serving.registry import server_address
from flows.serving.shadow import Shadow
from flows.serving.thread_priority import lower_priority
from tasks.tracking import server_runs
from tasks.tracking.shadow_record import ShadowRecord

_SERVER_SECONDS = 60.0
_PROCESS_SECONDS = 300.0
"""Between writes; importing MLflow takes seconds of processor time."""
_FIRST_WRITE_SECONDS = 5.0
_PROCESS_TIMEOUT = 60.0
_LOWEST_PRIORITY = 19
_LOG = logging.getLogger("coldpress.serving")


class ShadowLog:
    """Writes what is new every few minutes, and at the end."""

    def __init__(self, shadow: Shadow) -> None:
        self._shadow = shadow
        self._runs: dict[tuple[str, str, float], str] = {}
        self._written: ShadowRecord | None = None
        self._problem: str | None = None
        self._priority = _LOWEST_PRIORITY
        self._wait = _FIRST_WRITE_SECONDS

    def run(self, stop: threading.Event) -> None:
        """Compare and write until `stop` is set, and write once more after the last comparison."""
        comparing = threading.Thread(
            target=self._compare, args=(stop,), name="challenger", daemon=True
        )
        comparing.start()
        while not stop.wait(self._wait):
            self.write()
        comparing.join()
        self._priority = 0
        self.write()

    def _compare(self, stop: threading.Event) -> None:
        lower_priority()
        self._shadow.run(stop)

    def write(self) -> None:
        """Write once; if that fails, the records are kept for the next time."""
        try:
            self._write_all()
            self._problem = None
        except Exception as error:
            problem = " ".join(str(error).split()) or type(error).__name__
            if problem != self._problem:
                _LOG.warning("the comparison is not logged: %s", problem)
            self._problem = problem
            self._wait = _SERVER_SECONDS

    def _write_all(self) -> None:
        finished = self._shadow.finished
        while finished:
            self._write(finished[0])
            self._runs.pop(finished.popleft().key, None)
        record = self._shadow.record
        if record is not None and record != self._written:
            self._write(record)
            self._written = record

    def _write(self, record: ShadowRecord) -> None:
        run_id = self._runs.get(record.key)
        try:
            address = server_address()
            self._wait = _PROCESS_SECONDS if address is None else _SERVER_SECONDS
            if address is None:
                self._runs[record.key] = _write_in_process(record, run_id, self._priority)
            else:
                self._runs[record.key] = server_runs.write_shadow(address, record, run_id)
        except FileNotFoundError:
            self._runs.pop(record.key, None)  # the run was deleted: begin another one
            raise


def _write_in_process(record: ShadowRecord, run_id: str | None, priority: int) -> str:
    content = json.dumps({"record": record.as_json(), "run_id": run_id})
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "tasks.tracking.shadow_runs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C ends this process, after a last write
    ) as process:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, priority)
        try:
            output, errors = process.communicate(content, timeout=_PROCESS_TIMEOUT)
        finally:
            if process.poll() is None:
                process.kill()
    if process.returncode:
        lines = errors.strip().splitlines() or ["no message"]
        raise RuntimeError(lines[-1])
    return output.strip().splitlines()[-1]
