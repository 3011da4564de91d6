"""Log records of Prefect's runs, with and without input errors."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from coldpress.errors import InputError
from tasks.execution import log_filters

Records = list[logging.LogRecord]


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    """Log records that reach the console; loggers are restored afterwards."""
    records: Records = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", records.append)
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        monkeypatch.setattr(logging.getLogger(name), "filters", [])
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    log_filters.hide_input_tracebacks()
    yield records


def fail(error: Exception, message: str, *arguments: object) -> None:
    """Log an exception as Prefect's engines do."""
    try:
        raise error
    except Exception:
        logging.getLogger("prefect.task_runs").exception(message, *arguments)


def test_input_errors_lose_their_traceback_and_others_keep_it(console: Records) -> None:
    fail(InputError("seed: wrong"), "Task run failed with exception: InputError('seed: wrong')")
    fail(KeyError("seed"), "Task run failed with exception: KeyError('seed')")
    assert [bool(record.exc_info) for record in console] == [False, True]


def test_user_errors_of_mlflow_lose_their_traceback_too(console: Records) -> None:
    error = MlflowException("Run with id=f not found", error_code=RESOURCE_DOES_NOT_EXIST)
    fail(error, f"Task run failed with exception: {error!r}")
    fail(MlflowException("ours"), "Task run failed with exception: MlflowException('ours')")
    assert [bool(record.exc_info) for record in console] == [False, True]
    console.clear()
    log_filters.mute_input_errors()
    records = logging.getLogger("prefect.flow_runs")
    deleted = "The run f must be in the 'active' state. Current state is deleted."
    records.error("Finished in state Failed('Task run encountered an exception %s')", "KeyError: f")
    records.error(f"Task run encountered an exception MlflowException: {deleted}")
    assert [record.getMessage() for record in console] == [
        "Finished in state Failed('Task run encountered an exception KeyError: f')"
    ]


def test_the_console_shows_no_input_errors(console: Records) -> None:
    log_filters.mute_input_errors()
    wrong = InputError("seed: wrong")
    flow_runs = logging.getLogger("prefect.flow_runs")
    fail(wrong, "Task run failed with exception: InputError('seed: wrong')")
    flow_runs.error("Finished in state Failed('Task run encountered an exception InputError: x')")
    flow_runs.error("%s failed: %s", "prune", wrong)
    flow_runs.error("%s failed: %s", "prune", KeyError("seed"))
    flow_runs.error("an InputError: is a word here, and %(mapping)s too", {"mapping": 1})
    logging.getLogger("elsewhere").error("exception InputError: x")
    assert [record.getMessage() for record in console] == [
        "prune failed: 'seed'",
        "an InputError: is a word here, and 1 too",
        "exception InputError: x",
    ]
