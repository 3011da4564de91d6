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

Answer = TypeVar("Answer")

# The client says RuntimeError where the first thing that it asks a server is not answered.
UNREPORTED = (httpx.HTTPError, PrefectException, RuntimeError)
"""What Prefect's client raises where its server is gone, refuses, or fails."""
_REPORTERS = ("prefect.events", "prefect._internal.concurrency")
"""Where Prefect logs each event that its server does not take, whole."""
_missing: list[str] = []


def report(what: str, send: Callable[[], Answer], *, patient: bool = True) -> Answer | None:
    """Send a report to Prefect; where that fails, log it and go on.

    Args:
        what: What is reported, for the log.
        send: Calls Prefect's client.
        patient: Whether to wait for a server that is away. Only the first report of a process that
            waited in vain does: the work goes on meanwhile.

    Returns:
        What was sent back; None where nothing was.
    """
    waits = patient and not _missing
    try:
        with temporary_settings({} if waits else {PREFECT_CLIENT_MAX_RETRIES: 0}):
            return send()
    except UNREPORTED as error:
        if waits:
            _missing.append(what)
        why = f"{type(error).__name__}: {error}"
        get_run_logger().warning("Prefect's page of this run lacks %s: %s", what, why)
        return None


def markdown(text: str, description: str, key: str | None = None) -> None:
    """Show a text on the page of the flow run, if Prefect can be told."""
    report(
        f"'{description}'",
        lambda: create_markdown_artifact(text, key=key, description=description),
    )


def table(rows: Sequence[Mapping[str, str]], key: str, description: str | None = None) -> None:
    """Show a table on the page of the flow run, if Prefect can be told."""
    plain = [dict(row) for row in rows]
    report(
        f"the table '{key}'",
        lambda: create_table_artifact(plain, key=key, description=description),
    )


def off_the_terminal() -> None:
    """Show nothing of reports that failed: the command tells it in its last line."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_of_the_work)


def _is_of_the_work(record: logging.LogRecord) -> bool:
    if record.name.startswith(_REPORTERS):
        return False
    raised = record.exc_info[1] if record.exc_info else None
    return not (record.name == "prefect.flow_runs" and isinstance(raised, httpx.HTTPError))
