"""Find open runs, and close those whose process is dead.

A process on this machine can be looked up. A process on another machine or in another container is
known only by its heartbeat: when that has not changed for long enough, it counts as dead.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from mlflow.entities import Run

from tasks.environment import heartbeat, processes
from tasks.environment.heartbeat import HeartbeatMonitor
from tasks.tracking import runs
from tasks.tracking.paging import all_pages

HEARTBEAT_TIMEOUT = 120.0
"""Seconds without a new heartbeat, as counted by the waiting process."""
NO_HEARTBEAT_TIMEOUT = 600.0
"""The same for runs of older versions of Coldpress, which send no heartbeats."""


def find_open_runs(experiment_id: str) -> list[Run]:
    """Return the open runs of an experiment, dead or alive."""
    running = "attributes.status = 'RUNNING'"
    return all_pages(runs.client().search_runs, [experiment_id], running)


def close_dead_runs(experiment_id: str) -> list[str]:
    """End the runs whose process is gone, and delete the models that they did not complete.

    Args:
        experiment_id: The experiment to clean up.

    Returns:
        The owners of the closed runs: host and pid of each process.
    """
    dead = [run for run in find_open_runs(experiment_id) if is_dead(run)]
    for run in dead:
        runs.close_run(str(run.info.run_id))
    return list(dict.fromkeys(_owner_name(run) for run in dead))


def is_dead(run: Run) -> bool:
    """True if the process or the flow run behind an open run is known to have ended."""
    owner = run.data.tags.get("coldpress.process")
    if processes.is_gone(owner):
        return True
    state = processes.final_flow_run_state(run.data.tags.get("coldpress.flow_run_id"))
    # In an outage heartbeats are lost, and Prefect marks live runs as Crashed.
    return state is not None and not (state == "CRASHED" and processes.is_alive(owner))


def is_abandoned(run: Run, monitor: HeartbeatMonitor) -> bool:
    """True if an open run is dead or its heartbeat has timed out; to be polled.

    Args:
        run: The run, read just now.
        monitor: Remembers the run's heartbeat between polls.

    Returns:
        True as soon as the run is known to be dead, or its heartbeat has timed out; in the second
        case the run is closed.
    """
    if is_dead(run):
        return True
    if processes.is_alive(run.data.tags.get("coldpress.process")):
        return False
    last_heartbeat = run.data.tags.get(f"coldpress.{heartbeat.TAG}", "")
    timeout = HEARTBEAT_TIMEOUT if last_heartbeat else NO_HEARTBEAT_TIMEOUT
    if monitor.silent_for(str(run.info.run_id), last_heartbeat) < timeout:
        return False
    _close_runs_of_owner(run)
    return True


def _close_runs_of_owner(run: Run) -> None:
    """Close a run and all others of its process in this experiment, such as the pipeline run."""
    runs.close_run(str(run.info.run_id))
    owner = run.data.tags.get("coldpress.process")
    if owner is not None:
        for candidate in find_open_runs(run.info.experiment_id):
            if candidate.data.tags.get("coldpress.process") == owner:
                runs.close_run(str(candidate.info.run_id))


def wait_message(run: Run) -> str:
    """Describe the open run that this process waits for, and how to stop waiting.

    Args:
        run: An open run.

    Returns:
        One line.
    """
    start = datetime.fromtimestamp(int(run.info.start_time) / 1000, UTC)
    since = start.strftime("%Y-%m-%d %H:%M:%S UTC")
    condition = "until it ends"
    if not processes.is_alive(run.data.tags.get("coldpress.process")):
        condition += f" or has sent no heartbeat for {HEARTBEAT_TIMEOUT:.0f} s"
    return (
        f"waits for run {run.info.run_id} of {_owner_name(run)}, open since {since}, {condition};"
        " to continue at once, delete that run in MLflow"
    )


def _owner_name(run: Run) -> str:
    owner = run.data.tags.get("coldpress.process")
    if owner is None:
        return "an unknown process"
    return f"process {owner.rsplit(':', 2)[1]} on {processes.host_of(owner)}"


@contextmanager
def close_silent_runs(experiment_id: str) -> Iterator[None]:
    """Close runs of other machines whose heartbeat times out, in a thread, while a block runs.

    Possibly no process waits for them, and `gc` removes nothing of a recipe with an open run.

    Args:
        experiment_id: The experiment to clean up.
    """
    stop = threading.Event()

    def unobservable_runs() -> list[Run]:
        return [run for run in find_open_runs(experiment_id) if not _is_observable(run)]

    def poll() -> None:
        monitor = HeartbeatMonitor()
        while not stop.wait(heartbeat.INTERVAL_SECONDS / 2):
            with suppress(Exception):  # the next poll may succeed
                for run in unobservable_runs():
                    is_abandoned(run, monitor)

    if unobservable_runs():
        threading.Thread(target=poll, daemon=True).start()
    try:
        yield
    finally:
        stop.set()


def _is_observable(run: Run) -> bool:
    """True if this machine can tell whether the run's process is alive."""
    owner = run.data.tags.get("coldpress.process")
    return processes.is_alive(owner) or processes.is_gone(owner)
