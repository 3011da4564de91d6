"""Reports to Prefect: a failed report does not stop the run."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import httpx
import pytest
from prefect.exceptions import ObjectNotFound
from prefect.logging import disable_run_logger
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from tasks.execution import prefect_artifacts
from tasks.execution.progress import show_progress
from tests.support.acceptance import does_not_raise


@pytest.fixture(autouse=True)
def _no_failed_reports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(prefect_artifacts, "_failed_reports", [])
    with disable_run_logger():
        yield


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("Connection refused"),
        ObjectNotFound(http_exc=ValueError()),
        RuntimeError("Failed to reach API"),
    ],
)
def test_a_failed_report_stops_nothing(error: Exception) -> None:
    def send() -> str:
        raise error

    assert prefect_artifacts.try_report("a table", send) is None
    assert prefect_artifacts.try_report("a table", lambda: "sent") == "sent"


def test_other_errors_are_not_hidden() -> None:
    def send() -> str:
        raise KeyError("row")

    with pytest.raises(KeyError):
        prefect_artifacts.try_report("a table", send)


def test_only_the_first_failed_report_is_retried() -> None:
    retries: list[int] = []

    def send() -> None:
        retries.append(PREFECT_CLIENT_MAX_RETRIES.value())
        raise httpx.ConnectError("Connection refused")

    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 3}):
        prefect_artifacts.try_report("the progress", send, patient=False)
        for _ in range(2):
            prefect_artifacts.try_report("a table", send)
    assert retries == [0, 3, 0]


def test_progress_continues_without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.execution.progress._SECONDS_BETWEEN_ARTIFACTS", 0.0)
    unreachable = temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"})
    with does_not_raise(), unreachable, show_progress("prune") as step:
        for completed in range(1, 4):
            step(completed, 3, 0.5)


def test_the_console_shows_no_report_errors() -> None:
    def record(name: str, error: Exception) -> logging.LogRecord:
        exc_info = (type(error), error, None)
        return logging.LogRecord(name, logging.ERROR, "", 0, "failed", None, exc_info)

    visible = [
        prefect_artifacts._is_not_report_error(
            record("prefect.flow_runs", httpx.ConnectError("refused"))
        ),
        prefect_artifacts._is_not_report_error(record("prefect.flow_runs", KeyError("row"))),
        prefect_artifacts._is_not_report_error(record("elsewhere", httpx.ConnectError("refused"))),
        prefect_artifacts._is_not_report_error(
            record("prefect.events.clients", OSError("refused"))
        ),
    ]
    assert visible == [False, True, True, False]
