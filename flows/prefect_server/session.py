"""A Prefect server for the duration of a command: the configured one or an embedded one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.context import SettingsContext, get_settings_context
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogHandler
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.prefect_server.supervisor import EmbeddedServer
from tasks.environment import credentials, deferred_signals, home, local_stack, processes

if TYPE_CHECKING:
    from prefect import Flow, State
    from prefect.client.schemas.objects import FlowRun

_CLIENT_RETRIES = 4
"""Half a minute: enough for the embedded server to restart. Team servers get several minutes."""
_FLUSH_SECONDS = 5.0


@contextmanager
def prefect_server() -> Iterator[None]:
    """Provide a Prefect server inside the block: the configured one, or an embedded one.

    Raises:
        InputError: The configured server refuses access, or this home's stack is up without its
            Prefect server.
    """
    stop_orphans()
    deferred_signals.on_interrupt(_stop_retrying)
    if PREFECT_API_URL.value():
        credentials.check_prefect()
        yield
        return
    local_stack.require_running(home.home_directory(), local_stack.PREFECT)
    server = EmbeddedServer(_record_folder() / f"{os.getpid()}.json")
    try:
        server.start()
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: _CLIENT_RETRIES}):
            yield
    finally:
        with deferred_signals.defer_signals():
            APILogHandler().flush()
            EventsWorker.drain_all(timeout=_FLUSH_SECONDS)
            server.stop()


def restore_signal_handlers(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001
    """Flow hook: replace the signal handlers of Prefect's engine with ours."""
    deferred_signals.reinstall_handlers()


def _stop_retrying() -> None:
    """After an interrupt, do not wait minutes for servers that do not answer."""
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    context = get_settings_context()
    settings = context.settings.copy_with_update(updates={PREFECT_CLIENT_MAX_RETRIES: 0})
    SettingsContext(profile=context.profile, settings=settings).__enter__()  # never left


def stop_orphans() -> int:
    """Stop the servers that killed commands left behind.

    Returns:
        The number of servers stopped.
    """
    stopped = 0
    for path in sorted(_record_folder().glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, FileNotFoundError):
            record = {}
        if record and not processes.is_gone(record["owner"]):
            continue
        stopped += processes.terminate(record.get("server"))
        path.unlink(missing_ok=True)
    return stopped


def _record_folder() -> Path:
    folder = home.home_directory() / "servers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
