"""Jobs whose process ended are run again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from flows.flow_pool.jobs import Ended, FlowPool, Job, Started

_MAX_RESTARTS = 3


class RestartingPool:
    """A pool whose jobs end as `crashed` only if their process has ended four times."""

    def __init__(self, pool: FlowPool, report: Callable[[str], None]) -> None:
        """Start no job yet.

        Args:
            pool: Runs the jobs.
            report: Called with a line for each restart.
        """
        self._pool = pool
        self._report = report
        self._restarts: Counter[int] = Counter()

    def submit(self, job: Job, flow_run_id: str | None = None) -> None:
        """Start a job."""
        self._pool.submit(job, flow_run_id)

    def wait(self) -> Started | Ended:
        """Return the next event that is no restart."""
        while True:
            event = self._pool.wait()
            if isinstance(event, Started) or not self._start_again(event):
                return event

    def close(self) -> None:
        """End all jobs that are still running."""
        self._pool.close()

    def _start_again(self, event: Ended) -> bool:
        job = event.job
        if event.outcome != "crashed" or self._restarts[job.number] == _MAX_RESTARTS:
            return False
        self._restarts[job.number] += 1
        self._report(f"{job.flow} {job.number} is run again: {event.message}")
        self._pool.submit(job)
        return True
