"""A process that runs flows, one after the other, for the process that started it.

Each line of standard input is a job, `{"flow": ..., "parameters": ...}`. Each line of standard
output is an event: `{"flow_run_id": ...}` when the flow run begins, then
`{"outcome": ..., "state": ..., "message": ...}`. The end of standard input ends the process, so
that it does not outlive the process that started it.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from coldpress.errors import InputError
from flows.prefect_server.start_flow import start_flow
from tasks.environment import deferred_signals, home, streams
from tasks.execution import log_filters

if TYPE_CHECKING:
    from prefect import State

Send = Callable[[dict[str, Any]], None]


def main() -> None:
    """Run jobs until standard input ends, and exit."""
    streams.prepare_streams()
    deferred_signals.enable()
    try:
        _run_jobs()
    except BaseException:
        if deferred_signals.exit_code() is None:
            raise
    deferred_signals.exit_process(deferred_signals.exit_code() or 0)


def _run_jobs() -> None:
    busy = threading.Event()
    jobs = _read_jobs(sys.stdin, busy)
    send = _take_over_output()
    home.set_defaults()
    home.configure_environment()
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    home.import_prefect()
    from flows.prefect_server import session

    log_filters.mute_input_errors()
    with session.prefect_server(None):
        while (job := jobs.get()) is not None:
            busy.set()
            send(_run(job, send))
            busy.clear()


def _read_jobs(source: TextIO, busy: threading.Event) -> queue.Queue[dict[str, Any] | None]:
    """Read jobs in a thread; if the input ends during a job, interrupt the job."""
    jobs: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def read() -> None:
        for line in source:
            jobs.put(json.loads(line))
        jobs.put(None)
        if busy.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=read, name="jobs", daemon=True).start()
    return jobs


def _take_over_output() -> Send:
    """Keep standard output for events; what libraries print goes to standard error."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(event: dict[str, Any]) -> None:
        events.write(json.dumps(event) + "\n")
        events.flush()

    return send


def _run(job: dict[str, Any], send: Send) -> dict[str, Any]:
    """Run a flow, and return how it ended."""
    from tasks.execution import prefect_artifacts

    name = str(job["flow"])
    flow = getattr(importlib.import_module(f"flows.{name}"), name)
    parameters = flow.validate_parameters(job["parameters"])
    try:
        state = start_flow(
            flow, lambda flow_run_id: send({"flow_run_id": flow_run_id}), parameters=parameters
        )
    except prefect_artifacts.REPORT_ERRORS as error:
        return {"outcome": "crashed", "message": f"{type(error).__name__}: {error}"}
    return describe_state(state)


def describe_state(state: State[Any]) -> dict[str, Any]:
    """Return outcome, name and message of a flow run's final state.

    Args:
        state: With its result in this process.
    """
    if state.is_completed():
        return {"outcome": "completed", "state": state.name, "message": state.message or ""}
    if state.is_crashed() or state.is_cancelled():
        return {"outcome": "crashed", "state": state.name, "message": state.message or ""}
    error = state.result(raise_on_failure=False)
    outcome = "invalid" if isinstance(error, InputError) else "failed"
    return {"outcome": outcome, "state": state.name, "message": str(error)}


if __name__ == "__main__":
    main()
