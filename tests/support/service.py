"""The real process of `coldpress serve`, and requests to it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `coldpress serve` with arguments on any free port, and yield its process and address."""
    log = folder / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "serve", *arguments, "--port", "0"],
            stderr=file,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    try:
        deadline = time.monotonic() + 120
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process, found[0]
    finally:
        process.kill()
        process.wait()


def post(address: str, texts: list[str]) -> Any:  # noqa: ANN401 - JSON
    body = json.dumps({"text": texts}).encode()
    request = urllib.request.Request(
        f"{address}/predict", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        content = json.load(response)
        assert response.headers["Coldpress-Model"] == content["model"]
        return content


def get(address: str, path: str) -> Any:  # noqa: ANN401 - JSON
    with urllib.request.urlopen(f"{address}{path}", timeout=60) as response:
        return json.load(response)


def metrics(address: str) -> str:
    with urllib.request.urlopen(f"{address}/metrics", timeout=60) as response:
        return str(response.read().decode())
