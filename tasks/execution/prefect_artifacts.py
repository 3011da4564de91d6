"""Best-effort Prefect artifacts: MLflow has the same data, so a failed report is only logged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TypeVar

import httpx
from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.exceptions import PrefectException
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

Response = TypeVar("Response")

# The client raises RuntimeError if its first request to a server is not answered.
REPORT_ERRORS = (httpx.HTTPError, PrefectException, RuntimeError)
"""What Prefect's client raises if its server is gone, refuses the request, or fails."""
_EVENT_LOGGERS = ("prefect.events", "prefect._internal.concurrency")
"""Loggers to which Prefect writes each event that could not be sent, in full."""
_failed_reports: list[str] = []


def try_report(
    subject: str, send: Callable[[], Response], *, patient: bool = True
) -> Response | None:
    """Send a report to Prefect; if that fails, log a warning and continue.

    Args:
        subject: Name of the report, for the log.
        send: Calls Prefect's client.
        patient: Whether to retry while the server is unreachable. After one report of this process
            has failed that way, later ones are not retried, so that they do not delay the run.

    Returns:
        The client's response; None if the report failed.
    """
    retry = patient and not _failed_reports
    # Each change of Prefect's settings takes 30 ms, since it reads all sources again.
    settings = nullcontext() if retry else temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0})
    try:
        with settings:
            return send()
    except REPORT_ERRORS as error:
        if retry:
            _failed_reports.append(subject)
        reason = f"{type(error).__name__}: {error}"
        get_run_logger().warning("Prefect's page of this run lacks %s: %s", subject, reason)
        return None


def show_markdown(text: str, description: str, key: str | None = None) -> None:
    """Show a text on the flow run's page, if Prefect is reachable."""
    try_report(
        f"'{description}'",
        lambda: create_markdown_artifact(text, key=key, description=description),
    )


def show_table(
    rows: Sequence[Mapping[str, object]], key: str, description: str | None = None
) -> None:
    """Show a table on the flow run's page, if Prefect is reachable."""
    plain = [{name: str(value) for name, value in row.items()} for row in rows]
    try_report(
        f"the table '{key}'",
        lambda: create_table_artifact(plain, key=key, description=description),
    )


def mute_report_errors() -> None:
    """Hide errors of failed reports on the console; the command's last line reports them."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_not_report_error)


def _is_not_report_error(record: logging.LogRecord) -> bool:
    if record.name.startswith(_EVENT_LOGGERS):
        return False
    error = record.exc_info[1] if record.exc_info else None
    return not (record.name == "prefect.flow_runs" and isinstance(error, httpx.HTTPError))
