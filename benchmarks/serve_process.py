"""Processes of services under load, and the texts that are sent to them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

TEXTS = [
    "How far is it from Denver to Aspen ?",
    "What county is Modesto , California in ?",
    "Who was Galileo ?",
    "What is an atom ?",
    "When did Hawaii become a state ?",
]


@contextmanager
def python_process(
    command: list[str], folder: Path
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run Python with the environment's programs on the path; kill its process group at the end."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, "PATH": path},
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield process, log
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def announced_port(server: subprocess.Popen[bytes], log: Path) -> int:
    """Wait until a service says where it listens, and return its port."""
    while server.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text()):
            return int(found[1])
        time.sleep(0.005)
    raise SystemExit(log.read_text())


def memory(server: subprocess.Popen[bytes]) -> str:
    """Return the resident memory of a process, with its unit."""
    return f"{psutil.Process(server.pid).memory_info().rss / 1e6:.0f} MB resident"


def bodies() -> list[bytes]:
    """Return a request to `coldpress serve` for each text."""
    return [json.dumps({"text": [text]}).encode() for text in TEXTS]


def processor_seconds(server: subprocess.Popen[bytes]) -> float:
    """Return the processor time that a process and its children have used."""
    process = psutil.Process(server.pid)
    times = [member.cpu_times() for member in (process, *process.children(recursive=True))]
    return sum(time.user + time.system for time in times)
