"""A process that runs only the predictor, as in a deployment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

TextBatch = tuple[Sequence[str], Sequence[str] | None]
"""Texts and, for a model of text pairs, second texts."""

_PREDICTOR_LOOP = """
import json, sys, time
from predictor import Predictor
predictor = Predictor(sys.argv[1])
for line in sys.stdin:
    request = json.loads(line)
    texts_done = 0
    elapsed = 0.0
    wall_start = time.perf_counter()
    cpu_start = time.process_time()
    while not texts_done or elapsed < request["seconds"]:
        for texts, pairs in request["batches"]:
            texts_done += len(predictor.predict(texts, pairs))
        elapsed = time.perf_counter() - wall_start
    print(json.dumps([texts_done, elapsed, time.process_time() - cpu_start]), flush=True)
"""


@dataclass(frozen=True)
class IsolatedPredictor:
    """A predictor in a process of its own, waiting for texts."""

    _process: subprocess.Popen[str]

    def predict(self, batches: Sequence[TextBatch], seconds: float = 0.0) -> tuple[int, float]:
        """Run batches one after another on one thread.

        Args:
            batches: At least one text.
            seconds: Repeat the batches until this time has passed.

        Returns:
            The number of texts and the seconds, without time in which other processes had the
            processor.

        Raises:
            RuntimeError: The process has ended; its traceback is on standard error.
        """
        requests = self._process.stdin
        replies = self._process.stdout
        if requests is None or replies is None:
            raise AssertionError("the process was started without pipes")
        requests.write(json.dumps({"batches": list(batches), "seconds": seconds}) + "\n")
        requests.flush()
        reply = replies.readline()
        if not reply:
            raise RuntimeError(f"the predictor process ended with {self._process.wait()}")
        texts_done, wall_seconds, cpu_seconds = json.loads(reply)
        return int(texts_done), min(float(wall_seconds), float(cpu_seconds))

    def peak_bytes(self) -> int:
        """Return the peak resident memory; the current one where the system has no peak."""
        status = Path(f"/proc/{self._process.pid}/status")
        if not status.exists():
            return int(psutil.Process(self._process.pid).memory_info().rss)
        fields = dict(
            line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines()
        )
        return int(fields["VmHWM"].split()[0]) * 1024


@contextmanager
def isolated_predictor(model: Path, code: Path) -> Iterator[IsolatedPredictor]:
    """Start a single-threaded process that imports `predictor.py` and loads a model.

    Args:
        model: Folder with `model.onnx` and `tokenizer.json`.
        code: Folder with `predictor.py`.

    Yields:
        The process; it may still be loading, so the first call of `predict` waits for it.
    """
    process = subprocess.Popen(  # noqa: S603 (this Python, and code of our own)
        [sys.executable, "-c", _PREDICTOR_LOOP, str(model.absolute())],
        cwd=code,
        env={**os.environ, "TOKENIZERS_PARALLELISM": "false"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield IsolatedPredictor(process)
    finally:
        process.kill()
        process.communicate()


def measure_cold_start(model: Path, code: Path, batch: TextBatch) -> tuple[float, int]:
    """Start a process and wait for its first prediction.

    Args:
        model: Folder with `model.onnx` and `tokenizer.json`.
        code: Folder with `predictor.py`.
        batch: The first request.

    Returns:
        Seconds until the prediction, and the peak resident memory in bytes.
    """
    started = time.perf_counter()
    with isolated_predictor(model, code) as process:
        process.predict([batch])
        return time.perf_counter() - started, process.peak_bytes()
