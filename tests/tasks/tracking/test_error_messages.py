"""MLflow errors that a user can fix become one line; others stay unchanged."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from coldpress.errors import InputError
from flows.cli import exit_codes
from tasks.tracking import error_messages, runs


def test_a_run_deleted_while_it_works_ends_in_one_line(state: Path) -> None:
    run_id = runs.open_run(runs.ensure_experiment("trec"), "prune", {})
    deleted = (
        "^model: deleted in MLflow while it was needed; run it again .*must be in the 'active'"
    )
    with pytest.raises(InputError, match=deleted), runs.managed_run(run_id):
        runs.client().delete_run(run_id)
        runs.log_metrics(run_id, {"seconds": 1.0})


def test_a_run_whose_experiment_was_deleted_ends_in_one_line(state: Path) -> None:
    experiment_id = runs.ensure_experiment("trec")
    run_id = runs.open_run(experiment_id, "prune", {})
    with pytest.raises(InputError, match="deleted in MLflow"), runs.managed_run(run_id):
        runs.client().delete_experiment(experiment_id)


def test_other_exceptions_pass_unchanged(state: Path) -> None:
    run_id = runs.open_run(runs.ensure_experiment("trec"), "prune", {})
    with pytest.raises(KeyError, match="ours"), runs.managed_run(run_id):
        raise KeyError("ours")
    assert runs.client().get_run(run_id).info.status == "FAILED"


def test_a_read_only_store_is_reported(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(state)  # MLflow takes the address for a path, and creates its folders
    uri = f"sqlite:///file:{state / 'mlflow.db'}?mode=ro&uri=true"
    with pytest.raises(MlflowException) as raised:
        MlflowClient(uri, uri).create_experiment("trec")
    line = error_messages.user_message(raised.value)
    assert line is not None
    assert line.startswith("MLFLOW_TRACKING_URI: this tracking store is read-only (")


@pytest.mark.parametrize(
    "error",
    [
        MlflowException("(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT ...]"),
        OSError(errno.ENOSPC, "No space left on device", "model.safetensors"),
    ],
)
def test_a_full_disk_has_a_message_of_one_line(error: Exception) -> None:
    line = error_messages.user_message(error)
    assert line is not None
    assert line.startswith("disk: full; free some space and run it again (")
    assert "SQL:" not in line


def test_a_command_prints_the_line_and_exits_with_2(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        exit_codes.run_command(lambda: runs.client().get_run("0" * 32)) == exit_codes.INVALID_INPUT
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("coldpress: model: deleted in MLflow while it was needed; run it again")


@pytest.mark.parametrize("error", [KeyError("a"), MlflowException("the disk is on fire")])
def test_other_errors_have_none(error: Exception) -> None:
    assert error_messages.user_message(error) is None
