import socket
import subprocess
import sys

import psutil
import pytest

from tasks.environment import processes


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_this_process_is_not_gone() -> None:
    assert not processes.is_gone(processes.current_process_identity())


def test_setting_the_clock_does_not_change_identities(monkeypatch: pytest.MonkeyPatch) -> None:
    """It changes the boot time, and with it the start time of every process."""
    name = processes.current_process_identity()
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._psplatform.boot_time", lambda: booted + 3600)
    assert psutil.Process().create_time() > booted + 3600
    assert not processes.is_gone(name)


def test_an_ended_process_is_gone() -> None:
    process = sleeper()
    name = processes.process_identity(psutil.Process(process.pid))
    assert not processes.is_gone(name)
    process.kill()
    process.wait()
    assert processes.is_gone(name)


def test_another_process_with_the_same_pid_is_not_taken_for_it() -> None:
    host, pid, _ = processes.current_process_identity().rsplit(":", 2)
    assert processes.is_gone(f"{host}:{pid}:1.00")


def test_a_process_of_another_host_is_not_gone() -> None:
    assert not processes.is_gone(f"not-{socket.gethostname()}:1:1.00")


def test_a_process_with_a_reused_pid_is_not_terminated() -> None:
    process = sleeper()
    name = processes.process_identity(psutil.Process(process.pid))
    assert not processes.terminate(name.rsplit(":", 1)[0] + ":1.00")
    assert process.poll() is None
    assert processes.terminate(name)
    assert process.poll() is not None
