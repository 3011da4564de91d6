"""`up`, `down`, `status` and `logs` where there is no stack, in real processes."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from flows.stack import logs
from tasks.environment import local_stack
from tasks.environment.local_stack import MLFLOW, ServerRecord
from tests.support.command import Coldpress, new_home


@pytest.fixture
def coldpress(tmp_path: Path) -> Coldpress:
    """A command with a home that does not exist."""
    return new_home(tmp_path)


def test_without_a_stack_nothing_runs_and_nothing_is_made(coldpress: Coldpress) -> None:
    status = coldpress("status")
    down = coldpress("down")
    log_result = coldpress("logs")
    assert (status.code, down.code, down.output) == (1, 0, "nothing was running\n")
    assert [line.split() for line in status.output.splitlines()[1:]] == [
        [title, "-", "-", "-", "no"] for title in ("MLflow", "Prefect", "worker")
    ]
    assert (log_result.code, log_result.error) == (
        2,
        "coldpress: SERVER: the stack has no log; `coldpress up` starts it\n",
    )
    assert not (coldpress.home / "state").exists()


def test_a_port_in_use_starts_no_server(coldpress: Coldpress) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = coldpress("up", "--port-prefect", str(port))
    assert result.code == 2
    assert f"--port-prefect: {port} is taken by " in result.error
    assert result.error.count("\n") == 1
    assert not (coldpress.home / "state" / "stack" / "logs").exists()


def test_a_stack_that_another_machine_runs_is_left_alone(coldpress: Coldpress) -> None:
    state = coldpress.home / "state"
    local_stack.stack_folder(state).mkdir(parents=True)
    local_stack.write_server_record(state, MLFLOW, ServerRecord(5000, "elsewhere:1:3.00"))
    for command in ("up", "down"):
        result = coldpress(command)
        assert (result.code, "it was started on elsewhere" in result.error) == (2, True)
    assert local_stack.read_server_record(state, MLFLOW).process == "elsewhere:1:3.00"


def test_the_log_before_the_last_start_is_kept_and_none_before_it(tmp_path: Path) -> None:
    local_stack.stack_folder(tmp_path).mkdir()
    for start in ("first", "second", "third"):
        logs.rotate(tmp_path, MLFLOW).write_text(f"{start}\n")
    folder = logs.log_path(tmp_path, MLFLOW).parent
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "mlflow.log": "third\n",
        "mlflow.log.1": "second\n",
    }


def test_a_log_is_shown_from_its_end_and_followed(coldpress: Coldpress) -> None:
    state = coldpress.home / "state"
    local_stack.stack_folder(state).mkdir(parents=True)
    log = logs.rotate(state, MLFLOW)
    log.write_text("".join(f"line {n}\n" for n in range(1, 101)))
    assert coldpress("logs", "mlflow").output == "".join(f"line {n}\n" for n in range(61, 101))
    command = coldpress.command("logs", "mlflow", "--follow")
    with subprocess.Popen(
        command, cwd=coldpress.home, env=coldpress.environment, stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        lines = [following.stdout.readline() for _ in range(40)]
        with log.open("a") as file:
            file.write("line 101\n")
        lines.append(following.stdout.readline())
        logs.rotate(state, MLFLOW).write_text("begun anew\n")
        lines.append(following.stdout.readline())
        following.kill()
    assert lines[-3:] == ["line 100\n", "line 101\n", "begun anew\n"]


@pytest.mark.parametrize("words", [("logs", "redis"), ("logs", "--follow")])
def test_logs_of_an_unknown_server_are_refused(coldpress: Coldpress, words: list[str]) -> None:
    result = coldpress(*words)
    assert (result.code, "mlflow, prefect, worker, setup" in result.error) == (2, True)
