"""Prefect's client during a command, connected to the configured server or an embedded one.

The supervisor starts the embedded server and stops it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from prefect import context
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogHandler
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_UI_URL,
    get_current_settings,
    temporary_settings,
)

from tasks.environment import credentials, deferred_signals, garbage_collector

if TYPE_CHECKING:
    from prefect import Flow, State
    from prefect.client.schemas.objects import FlowRun

    from flows.prefect_server.supervisor import EmbeddedServer

_CLIENT_RETRIES = 4
"""Half a minute: enough for the embedded server to restart. Team servers get several minutes."""
_FLUSH_SECONDS = 5.0
# Nothing watches them, unless somebody set their frequency; their thread delays the end of a flow
# by up to a second.
_NO_HEARTBEATS = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}


@contextmanager
def prefect_server(embedded: EmbeddedServer | None) -> Iterator[None]:
    """Use a Prefect server inside the block, and send it the last reports at its end.

    This is where the work of a command begins: garbage is collected from here on.

    Args:
        embedded: From `supervisor.embedded_server`; None for the server that is configured.

    Raises:
        InputError: The configured server refuses access.
        ServerStartError: The embedded server failed or timed out.
    """
    garbage_collector.resume()
    deferred_signals.on_interrupt(_stop_retrying)
    if embedded is None:
        credentials.check_prefect()
        with _without_unused_heartbeats():
            yield
        return
    embedded.wait_until_healthy()
    settings = {
        PREFECT_API_URL: embedded.api_url,
        PREFECT_UI_URL: PREFECT_UI_URL.value() or "",  # it serves no pages to link to
        PREFECT_CLIENT_MAX_RETRIES: _CLIENT_RETRIES,
        **_NO_HEARTBEATS,
    }
    outside = context.GLOBAL_SETTINGS_CONTEXT
    try:
        with temporary_settings(settings):
            # Threads of Prefect's services do not inherit the settings of this one.
            context.GLOBAL_SETTINGS_CONTEXT = context.get_settings_context()
            yield
    finally:
        with deferred_signals.defer_signals():
            APILogHandler().flush()
            EventsWorker.drain_all(timeout=_FLUSH_SECONDS)
            context.GLOBAL_SETTINGS_CONTEXT = outside


def _without_unused_heartbeats() -> AbstractContextManager[Any]:
    is_set = "heartbeat_frequency" in get_current_settings().flows.model_fields_set
    return nullcontext() if is_set else temporary_settings(_NO_HEARTBEATS)


def restore_signal_handlers(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001
    """Flow hook: replace the signal handlers of Prefect's engine with ours."""
    deferred_signals.reinstall_handlers()


def _stop_retrying() -> None:
    """After an interrupt, do not wait minutes for servers that do not answer."""
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    current = context.get_settings_context()
    settings = current.settings.copy_with_update(updates={PREFECT_CLIENT_MAX_RETRIES: 0})
    context.SettingsContext(profile=current.profile, settings=settings).__enter__()  # never left
