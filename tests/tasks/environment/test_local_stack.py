"""Commands use the stack of their home if its recorded processes are running."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coldpress.errors import InputError
from tasks.environment import home, local_stack, openmp, processes
from tasks.environment.local_stack import MLFLOW, PREFECT, ServerRecord

VARIABLES = ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_UI_URL", "PREFECT_HOME")


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a stack folder; the environment is restored."""
    monkeypatch.setenv("COLDPRESS_HOME", str(tmp_path))
    for name in (*VARIABLES, *home._DEFAULTS, *openmp.wait_policy()):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    local_stack.stack_folder(tmp_path).mkdir()
    return tmp_path


def ended_process() -> str:
    """Identity with the pid of this process, but another start time."""
    host, pid, started = processes.current_process_identity().rsplit(":", 2)
    return f"{host}:{pid}:{float(started) - 60:.2f}"


def test_without_a_stack_a_command_is_embedded(directory: Path) -> None:
    home.configure_environment()
    assert os.environ["MLFLOW_TRACKING_URI"] == f"sqlite:///{directory / 'mlflow.db'}"
    assert "PREFECT_API_URL" not in os.environ


def test_a_command_uses_a_running_stack(directory: Path) -> None:
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


def test_the_environment_takes_precedence(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local_stack.write_server_record(directory, MLFLOW, ServerRecord(5001, ended_process()))
    local_stack.write_server_record(
        directory, PREFECT, ServerRecord(4201, processes.current_process_identity())
    )
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere:4200/api")
    home.configure_environment()
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://elsewhere:5000"
    assert os.environ["PREFECT_API_URL"] == "http://elsewhere:4200/api"


def test_a_stopped_stack_is_not_used(directory: Path) -> None:
    local_stack.write_server_record(directory, MLFLOW, ServerRecord(5001, None))
    home.configure_environment()
    assert os.environ["MLFLOW_TRACKING_URI"].startswith("sqlite:")


def test_a_reused_pid_is_not_a_server(directory: Path) -> None:
    """Using the embedded store instead would put models into another registry."""
    local_stack.write_server_record(directory, MLFLOW, ServerRecord(5001, ended_process()))
    with pytest.raises(InputError, match="its mlflow server is gone; `coldpress up` starts it"):
        home.configure_environment()
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_commands_without_prefect_work_if_prefect_is_gone(directory: Path) -> None:
    local_stack.write_server_record(
        directory, MLFLOW, ServerRecord(5001, processes.current_process_identity())
    )
    local_stack.write_server_record(directory, PREFECT, ServerRecord(4201, ended_process()))
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
def test_an_unreadable_record_is_empty(directory: Path, content: str) -> None:
    (local_stack.stack_folder(directory) / "mlflow.json").write_text(content)
    assert local_stack.read_server_record(directory, MLFLOW) == ServerRecord(None, None)


@pytest.fixture
def artifact(directory: Path) -> Path:
    """A file in the artifact store of a running stack."""
    record = ServerRecord(5001, processes.current_process_identity())
    local_stack.write_server_record(directory, MLFLOW, record)
    path = local_stack.artifact_folder(directory) / "1" / "run" / "artifacts" / "gate.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    return path


def test_artifacts_of_the_running_stack_are_on_this_disk(directory: Path, artifact: Path) -> None:
    location = "mlflow-artifacts:/1/run/artifacts/gate.json"
    found = local_stack.artifacts_on_disk(directory, "http://127.0.0.1:5001", location)
    assert found == artifact


@pytest.mark.parametrize(
    ("address", "location"),
    [
        ("http://127.0.0.1:5002", "mlflow-artifacts:/1/run/artifacts/gate.json"),
        ("http://elsewhere:5001", "mlflow-artifacts:/1/run/artifacts/gate.json"),
        ("http://127.0.0.1:5001", "mlflow-artifacts://elsewhere:5001/1/run/artifacts/gate.json"),
        ("http://127.0.0.1:5001", "mlflow-artifacts:/1/run/artifacts/other.json"),
        ("http://127.0.0.1:5001", "mlflow-artifacts:/../mlflow.json"),
        ("http://127.0.0.1:5001", "s3://bucket/1/run/artifacts/gate.json"),
    ],
)
def test_other_artifacts_have_to_be_downloaded(
    directory: Path, artifact: Path, address: str, location: str
) -> None:
    assert local_stack.artifacts_on_disk(directory, address, location) is None


def test_artifacts_of_a_stopped_stack_have_to_be_downloaded(
    directory: Path, artifact: Path
) -> None:
    record = ServerRecord(5001, ended_process())
    local_stack.write_server_record(directory, MLFLOW, record)
    location = "mlflow-artifacts:/1/run/artifacts/gate.json"
    assert local_stack.artifacts_on_disk(directory, "http://127.0.0.1:5001", location) is None
