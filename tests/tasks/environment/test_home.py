"""The home and its workspace, in which only files of dead processes are deleted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coldpress.errors import InputError
from tasks.environment import openmp
from tasks.environment.home import (
    configure_environment,
    home_directory,
    workspace,
)

OWNER = """
import sys
from tasks.environment import processes
if len(sys.argv) > 1:
    processes.host_id = lambda: sys.argv[1]  # as an older Coldpress of another host wrote it
from tasks.environment.home import workspace
with workspace() as directory:
    (directory / "half.safetensors").write_text("half")
    print(directory, flush=True)
    sys.stdin.read()
"""

Owner = subprocess.Popen[str]
Start = Callable[..., tuple[Owner, Path]]


@pytest.fixture
def start(state: Path) -> Iterator[Start]:
    """Start a process that owns a directory, on this host or under another host name."""
    owners: list[Owner] = []

    def start(*host: str) -> tuple[Owner, Path]:
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", OWNER, *host]
        owners.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        assert owners[-1].stdout is not None
        return owners[-1], Path(owners[-1].stdout.readline().rstrip("\n"))

    yield start
    for owner in owners:
        kill(owner)


def kill(owner: Owner) -> None:
    owner.kill()
    owner.communicate()


def sweep() -> None:
    with workspace():
        """Opening a workspace deletes abandoned files."""


def test_a_directory_lives_as_long_as_its_owner(start: Start) -> None:
    owner, directory = start()
    sweep()
    assert (directory / "half.safetensors").exists()
    kill(owner)
    assert directory.exists()
    sweep()
    assert not directory.exists()


def test_a_workspace_is_deleted_at_its_end(state: Path) -> None:
    with workspace() as directory:
        assert directory.parent == state / "work"
        sweep()
        assert directory.is_dir()
    assert list((state / "work").iterdir()) == []


def test_a_later_process_with_the_same_pid_does_not_own_it(start: Start) -> None:
    owner, directory = start()
    kill(owner)
    living = directory.with_name(directory.name.replace(str(owner.pid), str(os.getpid())))
    directory.rename(living)
    sweep()
    assert not living.exists()


@pytest.mark.parametrize("host", ["elsewhere", "a-b.c", "odd:name/with=%3A"])
def test_a_directory_of_another_host_is_deleted_only_there(
    start: Start, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    owner, directory = start(host)
    kill(owner)
    sweep()
    assert directory.exists()
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    sweep()
    assert not directory.exists()


def test_files_of_a_container_that_ended_are_deleted_after_a_week(state: Path) -> None:
    directories = [state / "work" / f"container=3A{n}=3A1.00-x" for n in (1, 2)]
    for directory, days in zip(directories, (6, 8), strict=True):
        directory.mkdir(parents=True)
        (directory / "half.safetensors").write_text("half")
        for path in (directory / "half.safetensors", directory):
            os.utime(path, (time.time() - days * 86_400,) * 2)
    sweep()
    assert [directory.exists() for directory in directories] == [True, False]


def test_a_directory_without_an_owner_in_its_name_is_kept(state: Path) -> None:
    for name in ("notes", f"{socket.gethostname()}-notes", "1-notes"):
        (state / "work" / name).mkdir(parents=True)
    sweep()
    assert len(list((state / "work").iterdir())) == 3


@pytest.mark.parametrize(
    ("load", "set_already", "expected"),
    [
        (0.4, None, {"GOMP_SPINCOUNT": "2000"}),
        (1.0, None, {"OMP_WAIT_POLICY": "passive"}),
        (0.4, "OMP_WAIT_POLICY", {}),
        (1.0, "GOMP_SPINCOUNT", {}),
    ],
)
def test_threads_spin_for_each_other_on_an_idle_machine_alone(
    load: float, set_already: str | None, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    if set_already:
        monkeypatch.setenv(set_already, "set by the user")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    assert openmp.wait_policy() == expected


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("~nobody-of-this-name/x", "Could not determine home directory."),
        ("a" * 5000, "File name too long"),
        (__file__, f"{__file__} is not a folder"),
        (f"{__file__}/x", f"{__file__} is not a folder"),
    ],
    ids=["no home", "long", "file", "in a file"],
)
def test_a_home_that_cannot_be_a_folder_is_refused(
    monkeypatch: pytest.MonkeyPatch, place: str, reason: str
) -> None:
    monkeypatch.setenv("COLDPRESS_HOME", place)
    with pytest.raises(InputError) as error:
        home_directory()
    assert str(error.value) == f"COLDPRESS_HOME: {reason}"


def test_a_home_that_cannot_be_created_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDPRESS_HOME", "/proc/coldpress")
    with pytest.raises(InputError, match=r"^COLDPRESS_HOME: cannot create /proc/coldpress: "):
        configure_environment()
