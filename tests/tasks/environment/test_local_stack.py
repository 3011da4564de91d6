"""Whether commands go to the stack of their home: only to the very processes that were recorded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coldpress.errors import InputError
from tasks.environment import home, local_stack, processes
from tasks.environment.local_stack import MLFLOW, PREFECT, ServerRecord

VARIABLES = ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_UI_URL", "PREFECT_HOME")


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a stack folder; what `embed` sets is undone."""
    monkeypatch.setenv("COLDPRESS_HOME", str(tmp_path))
    for name in (*VARIABLES, *home._DEFAULTS, *home.openmp_wait_policy()):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    local_stack.stack_folder(tmp_path).mkdir()
    return tmp_path


def gone() -> str:
    """A process with a living pid, this one's, that was started at another time."""
    host, pid, started = processes.current_process_identity().rsplit(":", 2)
    return f"{host}:{pid}:{float(started) - 60:.2f}"


def test_without_a_stack_a_command_is_embedded(directory: Path) -> None:
    home.configure_environment()
    assert os.environ["MLFLOW_TRACKING_URI"] == f"sqlite:///{directory / 'mlflow.db'}"
    assert "PREFECT_API_URL" not in os.environ


def test_a_command_goes_to_the_stack_that_runs(directory: Path) -> None:
    local_stack.write_server_record(
        directory, MLFLOW, ServerRecord(5001, processes.current_process_identity())
    )
    local_stack.write_server_record(
        directory, PREFECT, ServerRecord(4201, processes.current_process_identity())
    )
    home.configure_environment()
    assert [os.environ[name] for name in VARIABLES[:3]] == [
        "http://127.0.0.1:5001",
        "http://127.0.0.1:4201/api",
        "http://127.0.0.1:4201/v2",
    ]


def test_what_the_environment_says_wins(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local_stack.write_server_record(directory, MLFLOW, ServerRecord(5001, gone()))
    local_stack.write_server_record(
        directory, PREFECT, ServerRecord(4201, processes.current_process_identity())
    )
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere:4200/api")
    home.configure_environment()
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://elsewhere:5000"
    assert os.environ["PREFECT_API_URL"] == "http://elsewhere:4200/api"


def test_a_stack_that_was_taken_down_is_none(directory: Path) -> None:
    local_stack.write_server_record(directory, MLFLOW, ServerRecord(5001, None))
    home.configure_environment()
    assert os.environ["MLFLOW_TRACKING_URI"].startswith("sqlite:")


def test_a_pid_that_another_process_has_now_is_no_server(directory: Path) -> None:
    """Going on embedded would put models into another registry than the one that was looked at."""
    local_stack.write_server_record(directory, MLFLOW, ServerRecord(5001, gone()))
    with pytest.raises(InputError, match="its mlflow server is gone; `coldpress up` starts it"):
        home.configure_environment()
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_what_needs_no_prefect_does_without_a_prefect_that_is_gone(directory: Path) -> None:
    local_stack.write_server_record(
        directory, MLFLOW, ServerRecord(5001, processes.current_process_identity())
    )
    local_stack.write_server_record(directory, PREFECT, ServerRecord(4201, gone()))
    home.configure_environment()
    assert "PREFECT_API_URL" not in os.environ
    with pytest.raises(InputError, match="its prefect server is gone"):
        local_stack.require_running(directory, PREFECT)


def test_the_stack_of_another_machine_is_not_touched(directory: Path) -> None:
    local_stack.write_server_record(directory, MLFLOW, ServerRecord(5001, "elsewhere:1:3.00"))
    assert not local_stack.is_running(local_stack.read_server_record(directory, MLFLOW))
    with pytest.raises(InputError, match="it was started on elsewhere"):
        local_stack.check_host(directory)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"port": 5000}', "null"])
def test_a_file_that_is_no_record_is_as_good_as_none(directory: Path, content: str) -> None:
    (local_stack.stack_folder(directory) / "mlflow.json").write_text(content)
    assert local_stack.read_server_record(directory, MLFLOW) == ServerRecord(None, None)
