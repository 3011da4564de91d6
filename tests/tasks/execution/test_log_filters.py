"""Records of Prefect's runs that tell of wrong input, and all others."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from coldpress.errors import InputError
from tasks.execution import log_filters

Heard = list[logging.LogRecord]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    """What the terminal is given; loggers and root are as they were afterwards."""
    records: Heard = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", records.append)
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        monkeypatch.setattr(logging.getLogger(name), "filters", [])
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    log_filters.hide_input_tracebacks()
    yield records


def fail(error: Exception, message: str, *arguments: object) -> None:
    """As Prefect's engines do."""
    try:
        raise error
    except Exception:
        logging.getLogger("prefect.task_runs").exception(message, *arguments)


def test_wrong_input_loses_its_traceback_and_a_fault_keeps_it(heard: Heard) -> None:
    fail(InputError("seed: wrong"), "Task run failed with exception: InputError('seed: wrong')")
    fail(KeyError("seed"), "Task run failed with exception: KeyError('seed')")
    assert [bool(record.exc_info) for record in heard] == [False, True]


def test_what_mlflow_refuses_is_one_line_too(heard: Heard) -> None:
    refused = MlflowException("Run with id=f not found", error_code=RESOURCE_DOES_NOT_EXIST)
    fail(refused, f"Task run failed with exception: {refused!r}")
    fail(MlflowException("ours"), "Task run failed with exception: MlflowException('ours')")
    assert [bool(record.exc_info) for record in heard] == [False, True]
    heard.clear()
    log_filters.mute_input_errors()
    records = logging.getLogger("prefect.flow_runs")
    deleted = "The run f must be in the 'active' state. Current state is deleted."
    records.error("Finished in state Failed('Task run encountered an exception %s')", "KeyError: f")
    records.error(f"Task run encountered an exception MlflowException: {deleted}")
    assert [record.getMessage() for record in heard] == [
        "Finished in state Failed('Task run encountered an exception KeyError: f')"
    ]


def test_the_terminal_is_told_of_faults_only(heard: Heard) -> None:
    log_filters.mute_input_errors()
    wrong, flow_runs = InputError("seed: wrong"), logging.getLogger("prefect.flow_runs")
    fail(wrong, "Task run failed with exception: InputError('seed: wrong')")
    flow_runs.error("Finished in state Failed('Task run encountered an exception InputError: x')")
    flow_runs.error("%s failed: %s", "prune", wrong)
    flow_runs.error("%s failed: %s", "prune", KeyError("seed"))
    flow_runs.error("an InputError: is a word here, and %(mapping)s too", {"mapping": 1})
    logging.getLogger("elsewhere").error("exception InputError: x")
    assert [record.getMessage() for record in heard] == [
        "prune failed: 'seed'",
        "an InputError: is a word here, and 1 too",
        "exception InputError: x",
    ]
