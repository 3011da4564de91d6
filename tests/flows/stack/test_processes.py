"""Processes of a server: found by their marker, and all of them terminated."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from flows.stack import processes as members
from tasks.environment import local_stack, processes
from tasks.environment.local_stack import MLFLOW, PREFECT

# A server that starts another process, says who that is, and goes or stays.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[2]], stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
if sys.argv[1] == "stays":
    time.sleep(300)
"""
SLEEPS = "import time; time.sleep(300)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"
LISTENS = """
import socket, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
time.sleep(300)
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home, no process of which is left after a test whatever happens in it."""
    local_stack.stack_folder(tmp_path).mkdir()
    yield tmp_path
    for server in (MLFLOW, PREFECT):
        for process in members.server_processes(tmp_path, server):
            process.kill()


def start(home: Path, server: str, *code: str) -> tuple[subprocess.Popen[str], int]:
    """Start a process of a server, and return the number that it prints."""
    environment = {**os.environ, local_stack.MARKER: local_stack.marker(home, server)}
    command = [sys.executable, "-c", *code]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def pids(home: Path, server: str) -> set[int]:
    return {process.pid for process in members.server_processes(home, server)}


def test_an_orphan_is_recognized_by_its_server_and_home(home: Path, tmp_path: Path) -> None:
    parent, orphan = start(home, MLFLOW, PARENT, "goes", SLEEPS)
    parent.wait(timeout=30)
    assert pids(home, MLFLOW) == {orphan}
    assert pids(home, PREFECT) == set()
    assert pids(tmp_path / "another", MLFLOW) == set()


def test_a_server_whose_child_does_not_listen_is_stopped_completely(home: Path) -> None:
    parent, child = start(home, MLFLOW, PARENT, "stays", DEAF)
    unrelated, _ = start(home, PREFECT, PARENT, "stays", SLEEPS)
    assert members.terminate(psutil.Process(parent.pid), home, MLFLOW, patience=1) == 2
    assert not psutil.pid_exists(parent.pid)
    assert not psutil.pid_exists(child)
    assert unrelated.poll() is None


def test_stopping_a_server_that_does_not_run_stops_no_process(home: Path) -> None:
    assert members.terminate(None, home, MLFLOW, patience=1) == 0


def test_only_the_processes_of_the_listening_server_own_its_port(home: Path) -> None:
    _, port = start(home, MLFLOW, LISTENS)
    start(home, PREFECT, PARENT, "stays", SLEEPS)
    assert members.owns_port(members.server_processes(home, MLFLOW), port)
    assert not members.owns_port(members.server_processes(home, PREFECT), port)


def test_a_process_is_recorded_before_it_executes_the_server(home: Path) -> None:
    becomes = [sys.executable, "-c", "import os; print(os.getpid(), flush=True); input()"]
    launcher = [sys.executable, "-m", "flows.stack.launch", str(home), MLFLOW, "5000", *becomes]
    pipe = subprocess.PIPE
    with subprocess.Popen(launcher, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        record = local_stack.read_server_record(home, MLFLOW)
        assert record.process == processes.process_identity(psutil.Process(process.pid))
        assert (record.port, local_stack.is_running(record)) == (5000, True)
        process.communicate("\n")
    assert not local_stack.is_running(record)
