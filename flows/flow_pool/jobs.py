"""Flow runs to start, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

FlowName = Literal["compress", "trial"]
Outcome = Literal["completed", "invalid", "failed", "crashed"]
"""`invalid`: the input was refused; `crashed`: the process ended, and the job may run again."""


@dataclass(frozen=True)
class Job:
    """A flow run to start.

    Attributes:
        number: The caller's number of the job.
        flow: Name of the flow.
        parameters: Its parameters, JSON-able.
    """

    number: int
    flow: FlowName
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Started:
    """A job's flow run has begun."""

    job: Job
    flow_run_id: str


@dataclass(frozen=True)
class Ended:
    """A job's flow run has ended.

    Attributes:
        job: The job.
        flow_run_id: None if the process ended before the flow run began.
        outcome: How it ended.
        state: Name of the final state in Prefect, such as `Completed` or `Refused`.
        message: Why it failed; empty if it did not.
    """

    job: Job
    flow_run_id: str | None
    outcome: Outcome
    state: str = ""
    message: str = ""


class FlowPool(Protocol):
    """Runs several jobs at a time."""

    def submit(self, job: Job, flow_run_id: str | None = None) -> None:
        """Start a job; its events follow in `wait`.

        Args:
            job: The job.
            flow_run_id: The flow run that an earlier process started for it, if any. It is waited
                for if it does not depend on that process; otherwise a new one is started.
        """

    def wait(self) -> Started | Ended:
        """Return the next event of any job; there must be a job that has not ended."""

    def close(self) -> None:
        """End all jobs that are still running."""
