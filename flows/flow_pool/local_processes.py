"""Flow runs in processes of this machine, which all report to the same Prefect server."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from coldpress import cpu
from flows.flow_pool.jobs import Ended, Job, Started
from tasks.environment import home

_STOP_SECONDS = 30.0


@dataclass
class _Worker:
    """A process of `flows.flow_pool.worker`, and the job that it runs."""

    process: subprocess.Popen[bytes]
    job: Job | None = None
    flow_run_id: str | None = None
    unread: bytearray = field(default_factory=bytearray)


class LocalProcesses:
    """Runs jobs in processes that are started when they are needed, and reused.

    A process that ends during a job is replaced; its job ends as `crashed`.
    """

    def __init__(self, workers: int, prefect_url: str) -> None:
        """Start no process yet.

        Args:
            workers: Most processes at a time; the processors are divided among them.
            prefect_url: Address of the Prefect server's API.
        """
        self._environment = _environment(workers, prefect_url)
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()

    def submit(self, job: Job, flow_run_id: str | None = None) -> None:  # noqa: ARG002
        """Give a job to an idle process, or to a new one; flow runs end with their process."""
        worker = next((w for w in self._workers if w.job is None), None) or self._start()
        worker.job, worker.flow_run_id = job, None
        line = json.dumps({"flow": job.flow, "parameters": dict(job.parameters)}) + "\n"
        with suppress(BrokenPipeError):  # `wait` reads that its output has ended, too
            _input(worker).write(line.encode())
            _input(worker).flush()

    def wait(self) -> Started | Ended:
        """Return the next event of any job."""
        while True:
            for worker in list(self._workers):
                event = self._next_event(worker)
                if event is not None:
                    return event
            for key, _ in self._selector.select():
                self._read(key.data)

    def close(self) -> None:
        """End all processes; jobs that are running are interrupted and close their runs."""
        for worker in self._workers:
            _input(worker).close()
        for worker in self._workers:
            try:
                worker.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        self._selector.close()

    def _start(self) -> _Worker:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "flows.flow_pool.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
            cwd=home.ensure_home(),  # Prefect reads `prefect.toml` and `.env` from here
        )
        worker = _Worker(process)
        self._workers.append(worker)
        if process.stdout is not None:
            self._selector.register(process.stdout, selectors.EVENT_READ, worker)
        return worker

    def _read(self, worker: _Worker) -> None:
        output = worker.process.stdout
        data = b"" if output is None else os.read(output.fileno(), 65536)
        worker.unread += data
        if not data and output is not None:
            self._selector.unregister(output)
            worker.process.wait()

    def _next_event(self, worker: _Worker) -> Started | Ended | None:
        line, newline, rest = worker.unread.partition(b"\n")
        if newline:
            worker.unread = rest
            return _to_event(worker, json.loads(line))
        if worker.process.returncode is None:
            return None
        self._workers.remove(worker)
        if worker.job is None:
            return None
        message = f"its process ended with code {worker.process.returncode}"
        return Ended(worker.job, worker.flow_run_id, "crashed", message=message)


def _to_event(worker: _Worker, record: Mapping[str, str]) -> Started | Ended:
    job = worker.job
    if job is None:
        raise RuntimeError(f"an event without a job: {dict(record)}")
    if "flow_run_id" in record:
        worker.flow_run_id = record["flow_run_id"]
        return Started(job, record["flow_run_id"])
    worker.job = None
    return Ended(job, worker.flow_run_id, **record)  # type: ignore[arg-type]


def _input(worker: _Worker) -> IO[bytes]:
    if worker.process.stdin is None:
        raise RuntimeError("started without standard input")
    return worker.process.stdin


def _environment(workers: int, prefect_url: str) -> dict[str, str]:
    """Return the environment of a process: its share of the processors, and the server."""
    threads = max(1, cpu.available_processors() // workers)
    return {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "PREFECT_API_URL": prefect_url,
        "PREFECT_UI_URL": "",
    }
