"""Open runs: whether somebody still works on them, and who.

A process that can be seen from here lives or is gone. Of another machine's or container's nothing
is known but its signs of life: without them for long enough it is taken for dead.
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
"""Seconds without a sign of life, as a waiter counts them."""
NO_HEARTBEAT_TIMEOUT = 600.0
"""The same for runs of older versions, which give none."""


def find_open_runs(experiment_id: str) -> list[Run]:
    """Return the runs of an experiment that are open, whoever works on them."""
    running = "attributes.status = 'RUNNING'"
    return all_pages(runs.client().search_runs, [experiment_id], running)


def close_dead_runs(experiment_id: str) -> list[str]:
    """End the runs whose process is gone, and drop the models that they did not finish.

    Args:
        experiment_id: Where to look.

    Returns:
        Whose runs were closed: host and pid of each process.
    """
    dead = [run for run in find_open_runs(experiment_id) if is_dead(run)]
    for run in dead:
        runs.close_run(str(run.info.run_id))
    return list(dict.fromkeys(_owner_name(run) for run in dead))


def is_dead(run: Run) -> bool:
    """Whether nobody works on an open run any more."""
    owner = run.data.tags.get("coldpress.process")
    if processes.is_gone(owner):
        return True
    ended = processes.final_flow_run_state(run.data.tags.get("coldpress.flow_run_id"))
    # An outage swallows heartbeats, and then Prefect calls runs Crashed that go on.
    return ended is not None and not (ended == "CRASHED" and processes.is_alive(owner))


def is_abandoned(run: Run, watch: HeartbeatMonitor) -> bool:
    """Whether nobody works on an open run any more; to be asked again and again.

    Args:
        run: As it is now.
        watch: Has seen it before.

    Returns:
        True as soon as its process is known to be gone, or it was silent for too long; then it is
        closed.
    """
    if is_dead(run):
        return True
    if processes.is_alive(run.data.tags.get("coldpress.process")):
        return False
    sign = run.data.tags.get(f"coldpress.{heartbeat.TAG}", "")
    limit = HEARTBEAT_TIMEOUT if sign else NO_HEARTBEAT_TIMEOUT
    if watch.silent_for(str(run.info.run_id), sign) < limit:
        return False
    _close_runs_of_owner(run)
    return True


def _close_runs_of_owner(run: Run) -> None:
    """With all that its process had open in this experiment: the flow's run is as silent."""
    runs.close_run(str(run.info.run_id))
    owner = run.data.tags.get("coldpress.process")
    if owner is not None:
        for other in find_open_runs(run.info.experiment_id):
            if other.data.tags.get("coldpress.process") == owner:
                runs.close_run(str(other.info.run_id))


def wait_message(run: Run) -> str:
    """Say whose an open run is, and what somebody who waits for it can do.

    Args:
        run: An open run.

    Returns:
        One line.
    """
    began = datetime.fromtimestamp(int(run.info.start_time) / 1000, UTC)
    since = began.strftime("%Y-%m-%d %H:%M:%S UTC")
    ends = "until it has ended"
    if not processes.is_alive(run.data.tags.get("coldpress.process")):
        ends += f" or has given no sign of life for {HEARTBEAT_TIMEOUT:.0f} s"
    return (
        f"waits for run {run.info.run_id} of {_owner_name(run)}, open since {since}, {ends};"
        " to go on at once, delete that run in MLflow"
    )


def _owner_name(run: Run) -> str:
    owner = run.data.tags.get("coldpress.process")
    if owner is None:
        return "an unknown process"
    return f"process {owner.rsplit(':', 2)[1]} on {processes.host_of(owner)}"


@contextmanager
def close_silent_runs(experiment_id: str) -> Iterator[None]:
    """Look after the silent runs of an experiment in a thread, for the length of a block.

    Nobody may ever wait for them, and while they are open nothing of their recipe is removed.

    Args:
        experiment_id: Where to look.
    """
    over = threading.Event()
    unseen = [run for run in find_open_runs(experiment_id) if not _is_observable(run)]

    def work() -> None:
        watch = HeartbeatMonitor()
        while not over.wait(heartbeat.INTERVAL_SECONDS / 2):
            with suppress(Exception):  # as with a sign of life: the next look may succeed
                left = [run for run in find_open_runs(experiment_id) if not _is_observable(run)]
                for run in left:
                    is_abandoned(run, watch)

    if unseen:
        threading.Thread(target=work, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _is_observable(run: Run) -> bool:
    """Whether it is known already if somebody works on a run."""
    owner = run.data.tags.get("coldpress.process")
    return processes.is_alive(owner) or processes.is_gone(owner)
