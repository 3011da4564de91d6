"""Reports for Prefect's pages: best effort, since the tracking store has what they are about."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import httpx
from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.exceptions import PrefectException
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

Response = TypeVar("Response")

# The client says RuntimeError where the first thing that it asks a server is not answered.
REPORT_ERRORS = (httpx.HTTPError, PrefectException, RuntimeError)
"""What Prefect's client raises where its server is gone, refuses, or fails."""
_EVENT_LOGGERS = ("prefect.events", "prefect._internal.concurrency")
"""Where Prefect logs each event that its server does not take, whole."""
_failed_reports: list[str] = []


def try_report(what: str, send: Callable[[], Response], *, patient: bool = True) -> Response | None:
    """Send a report to Prefect; where that fails, log it and go on.

    Args:
        what: What is reported, for the log.
        send: Calls Prefect's client.
        patient: Whether to wait for a server that is away. Only the first report of a process that
            waited in vain does: the work goes on meanwhile.

    Returns:
        What was sent back; None where nothing was.
    """
    waits = patient and not _failed_reports
    try:
        with temporary_settings({} if waits else {PREFECT_CLIENT_MAX_RETRIES: 0}):
            return send()
    except REPORT_ERRORS as error:
        if waits:
            _failed_reports.append(what)
        why = f"{type(error).__name__}: {error}"
        get_run_logger().warning("Prefect's page of this run lacks %s: %s", what, why)
        return None


def show_markdown(text: str, description: str, key: str | None = None) -> None:
    """Show a text on the page of the flow run, if Prefect can be told."""
    try_report(
        f"'{description}'",
        lambda: create_markdown_artifact(text, key=key, description=description),
    )


def show_table(rows: Sequence[Mapping[str, str]], key: str, description: str | None = None) -> None:
    """Show a table on the page of the flow run, if Prefect can be told."""
    plain = [dict(row) for row in rows]
    try_report(
        f"the table '{key}'",
        lambda: create_table_artifact(plain, key=key, description=description),
    )


def mute_report_errors() -> None:
    """Show nothing of reports that failed: the command tells it in its last line."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_not_report_error)


def _is_not_report_error(record: logging.LogRecord) -> bool:
    if record.name.startswith(_EVENT_LOGGERS):
        return False
    raised = record.exc_info[1] if record.exc_info else None
    return not (record.name == "prefect.flow_runs" and isinstance(raised, httpx.HTTPError))
