"""Prefect's ephemeral server: started once, recorded, and ended even after its owner was killed."""

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
"""Half a minute. A server that is started again answers what waits for it; one that cannot be
started is not worth the minutes that a server of a team is waited for."""
_FLUSH_SECONDS = 5.0


@contextmanager
def prefect_server() -> Iterator[None]:
    """Have a Prefect server for the length of a block: the configured one, or an own one.

    Raises:
        InputError: The configured one refuses this process; or the stack of this home is up, but
            its Prefect server is gone.
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
    """Take signals back from Prefect's engine as soon as a flow runs; a hook of a flow."""
    deferred_signals.reinstall_handlers()


def _stop_retrying() -> None:
    """Whoever interrupts a command does not want to wait minutes for a server that is away."""
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    known = get_settings_context()
    changed = known.settings.copy_with_update(updates={PREFECT_CLIENT_MAX_RETRIES: 0})
    SettingsContext(profile=known.profile, settings=changed).__enter__()  # to the end


def stop_orphans() -> int:
    """End the servers that killed commands left behind.

    Returns:
        How many were ended.
    """
    ended = 0
    for path in sorted(_record_folder().glob("*.json")):
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, FileNotFoundError):
            known = {}
        if known and not processes.is_gone(known["owner"]):
            continue
        ended += processes.terminate(known.get("server"))
        path.unlink(missing_ok=True)
    return ended


def _record_folder() -> Path:
    folder = home.home_directory() / "servers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
