"""Processes of workers: one builds a model, one serves it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).parent.parent
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "OLIVE_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    # Third-party start-up code of a user's site directory is none of the pinned versions.
    "PYTHONNOUSERSITE": "1",
    "PYTHONPATH": str(BENCHMARKS),
}
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


_DIRECTORY = re.compile(r"(?<!\S)[\"'(]?/(?:[^\s/]+/)+")
"""Directories of this machine, which say nothing elsewhere."""


class WorkerError(Exception):
    """A worker ended; the message is the last line that it wrote."""


def build(command: list[str], log: Path, threads: int) -> None:
    """Run a worker that builds a model.

    Args:
        command: The worker.
        log: For what it prints.
        threads: Of its libraries.

    Raises:
        WorkerError: It failed.
    """
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.run(
            command, cwd=BENCHMARKS, env=environment(threads), stdout=output, stderr=output
        )
    if process.returncode:
        raise WorkerError(_last_line(log, process.returncode))


def environment(threads: int) -> Mapping[str, str]:
    """Return the environment variables of a worker."""
    parallel = {"TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false"}
    counts = dict.fromkeys(_THREAD_VARIABLES, str(threads))
    return {**os.environ, **_OFFLINE, **parallel, **counts}


class ServingProcess:
    """A process that serves a model and answers one request at a time.

    Attributes:
        requests: What it answers.
    """

    def __init__(self, command: list[str], log: Path, threads: int) -> None:
        """Start the process, and wait until its model is loaded.

        Args:
            command: The worker.
            log: For its standard error.
            threads: Of its libraries.

        Raises:
            WorkerError: It ended.
        """
        self._log = log
        with log.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=BENCHMARKS,
                env=environment(threads),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.requests: list[str] = self._reply()

    def ask(self, request: str) -> Any:  # noqa: ANN401
        """Send a request and wait for the reply.

        Args:
            request: One of `requests`.

        Raises:
            WorkerError: The process ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{request}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # The reply says why.
        return self._reply()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _reply(self) -> Any:  # noqa: ANN401
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(_last_line(self._log, self._process.wait()))
        return json.loads(line)


def _last_line(log: Path, code: int) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    written = [line.strip() for line in lines if line.strip()]
    message = _DIRECTORY.sub("", written[-1]) if written else "no message"
    # It becomes a cell of a Markdown table.
    return f"exit code {code}: {message[:200]}".replace("|", "/")
