"""Builds or serves one model of one peer.

    python -m peers.workers.run build MODULE VARIANT JOB FOLDER
    python -m peers.workers.run serve MODULE VARIANT JOB FOLDER THREADS

`build` writes `built.json` to the folder: seconds, bytes and versions. `serve` answers the requests
of `protocol.serve`. A module of this package defines `LIBRARIES`, `build` and `load`.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from peers.workers import protocol
from peers.workers.protocol import Files, Job, Served


class Worker(Protocol):
    """What a module of this package defines."""

    LIBRARIES: tuple[str, ...]

    def build(self, variant: str, job: Job, folder: Path) -> Files:
        """Make a model from the job, and return the files that it needs."""

    def load(self, variant: str, job: Job, folder: Path, threads: int) -> Served:
        """Load the model that `build` made."""


def main(arguments: list[str]) -> None:
    """Run one of the two commands."""
    command, module, variant, job_file, folder, *threads = arguments
    worker: Any = importlib.import_module(f"peers.workers.{module}")
    job = Job.read(Path(job_file))
    replies = protocol.take_stdout()
    if command == "build":
        build(worker, variant, job, Path(folder))
    else:
        model = worker.load(variant, job, Path(folder), int(threads[0]))
        protocol.serve(model, job, sys.stdin, replies)


def build(worker: Worker, variant: str, job: Job, folder: Path) -> None:
    """Make a model, and write what it took.

    Args:
        worker: Module of the peer.
        variant: One of its models.
        job: Teacher and rows.
        folder: For the model and `built.json`.
    """
    started = time.perf_counter()
    files = worker.build(variant, job, folder)
    record = {
        "seconds": time.perf_counter() - started,
        "model_bytes": sum(file.stat().st_size for file in files.model),
        "tokenizer_bytes": sum(file.stat().st_size for file in files.tokenizer),
        "versions": {name: version(name) for name in worker.LIBRARIES},
    }
    (folder / "built.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main(sys.argv[1:])
