"""A process that has nothing but the predictor in it, as a deployment would start one."""

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
"""First texts and, for a model of pairs, second ones."""

_PREDICTOR_LOOP = """
import json, sys, time
from predictor import Predictor
predictor = Predictor(sys.argv[1])
for line in sys.stdin:
    order = json.loads(line)
    answered, started, passed = 0, time.perf_counter(), 0.0
    processor = time.process_time()
    while not answered or passed < order["seconds"]:
        for texts, pairs in order["batches"]:
            answered += len(predictor.predict(texts, pairs))
        passed = time.perf_counter() - started
    print(json.dumps([answered, passed, time.process_time() - processor]), flush=True)
"""


@dataclass(frozen=True)
class IsolatedPredictor:
    """A predictor that waits for texts, alone in its process."""

    _process: subprocess.Popen[str]

    def answer(self, batches: Sequence[TextBatch], seconds: float = 0.0) -> tuple[int, float]:
        """Have batches answered, one after the other on one thread.

        Args:
            batches: At least one text.
            seconds: Go through them again until so much time has passed.

        Returns:
            How many texts were answered, and in how many seconds; without those in which other
            processes had the processor.

        Raises:
            RuntimeError: The process has ended; its traceback is on standard error.
        """
        requests, replies = self._process.stdin, self._process.stdout
        if requests is None or replies is None:
            raise AssertionError("started with pipes")
        requests.write(json.dumps({"batches": list(batches), "seconds": seconds}) + "\n")
        requests.flush()
        reply = replies.readline()
        if not reply:
            raise RuntimeError(f"the predictor's process ended with {self._process.wait()}")
        answered, passed, processor = json.loads(reply)
        return int(answered), min(float(passed), float(processor))

    def peak_bytes(self) -> int:
        """Return the most memory that was resident so far; now, where no system keeps it."""
        status = Path(f"/proc/{self._process.pid}/status")
        if not status.exists():
            return int(psutil.Process(self._process.pid).memory_info().rss)
        fields = dict(
            line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines()
        )
        return int(fields["VmHWM"].split()[0]) * 1024


@contextmanager
def isolated_predictor(model: Path, code: Path) -> Iterator[IsolatedPredictor]:
    """Start a process of one thread that imports `predictor.py` and opens a model.

    Args:
        model: Folder with `model.onnx` and `tokenizer.json`.
        code: Folder with `predictor.py`.

    Yields:
        The process, which may not be ready yet: its first answer comes when it is.
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
    """Start a process, and wait for its first answer.

    Args:
        model: Folder with `model.onnx` and `tokenizer.json`.
        code: Folder with `predictor.py`.
        batch: What to ask.

    Returns:
        Seconds until the answer, and the bytes that were resident at most.
    """
    started = time.perf_counter()
    with isolated_predictor(model, code) as process:
        process.answer([batch])
        return time.perf_counter() - started, process.peak_bytes()
