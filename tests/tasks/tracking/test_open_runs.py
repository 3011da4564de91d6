"""Wait for live runs, and for unobservable ones as long as they send heartbeats."""

from __future__ import annotations

import itertools
import socket
import time
from pathlib import Path

import pytest

from tasks.environment import heartbeat, machine, processes
from tasks.environment.heartbeat import HeartbeatMonitor
from tasks.execution.single_flight import _earlier_runs, wait_for_turn
from tasks.tracking import open_runs, runs

DEAD_PROCESS = f"{processes.current_process_identity().rsplit(':', 2)[0]}:1:1.00"
REMOTE_PROCESS = "old-container~~boot-2~4026539999:7:1.00"


def open_stage(experiment: str, key: str, process: str | None = None) -> str:
    run_id = runs.open_run(experiment, "prune", {"stage": "prune", "key": key})
    if process:
        runs.set_tags(run_id, {"process": process})
    return run_id


def status(run_id: str) -> str:
    return str(runs.client().get_run(run_id).info.status)


def is_blocked(key: str, run_id: str) -> bool:
    return bool(_earlier_runs(key, run_id, HeartbeatMonitor()))


def test_the_dead_are_closed_and_the_living_are_not(state: Path) -> None:
    experiment = runs.ensure_experiment("trec")
    dead = open_stage(experiment, "k", DEAD_PROCESS)
    living = open_stage(experiment, "k")
    assert open_runs.close_dead_runs(experiment) == [f"process 1 on {socket.gethostname()}"]
    assert (status(dead), status(living)) == ("KILLED", "RUNNING")


def test_the_earlier_of_two_runs_with_one_key_goes_first(state: Path) -> None:
    experiment = runs.ensure_experiment("trec")
    first = open_stage(experiment, "k")
    second = open_stage(experiment, "k")
    unrelated = open_stage(experiment, "another key")
    assert [is_blocked("k", run) for run in (first, second)].count(True) == 1
    assert not is_blocked("another key", unrelated)
    for run in (first, second):
        runs.client().set_terminated(run)
    third = open_stage(experiment, "k")
    assert not is_blocked("k", third)


def test_a_run_of_a_dead_process_blocks_no_other(state: Path) -> None:
    experiment = runs.ensure_experiment("trec")
    open_stage(experiment, "k", DEAD_PROCESS)
    assert not is_blocked("k", open_stage(experiment, "k"))


@pytest.fixture
def fast_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reading of the clock is ten seconds after the previous one."""
    clock = itertools.count(0.0, 10.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))


def polls_until_unblocked(key: str, run_id: str, sign: str | None = None) -> int | None:
    """Count a waiting run's polls until it may proceed; None after an hour of polling."""
    monitor = HeartbeatMonitor()
    for poll in range(360):
        ahead = _earlier_runs(key, run_id, monitor)
        if not ahead:
            return poll
        if sign is not None:
            runs.set_tags(str(ahead[0].info.run_id), {"heartbeat": f"{sign} {poll}"})
    return None


def test_a_run_of_another_machine_times_out_without_heartbeats(
    state: Path, fast_clock: None
) -> None:
    experiment = runs.ensure_experiment("trec")
    chain = runs.open_run(experiment, "trec", {})
    runs.set_tags(chain, {"process": REMOTE_PROCESS})
    dead = open_stage(experiment, "k", REMOTE_PROCESS)
    mine = open_stage(experiment, "k")
    assert polls_until_unblocked("k", mine) == 12
    assert [status(run) for run in (chain, dead, mine)] == ["KILLED", "KILLED", "RUNNING"]


def test_a_run_that_sends_heartbeats_is_waited_for(state: Path, fast_clock: None) -> None:
    experiment = runs.ensure_experiment("trec")
    living = open_stage(experiment, "k", REMOTE_PROCESS)
    assert polls_until_unblocked("k", open_stage(experiment, "k"), "sign") is None
    assert status(living) == "RUNNING"


def test_a_run_of_an_older_version_without_heartbeats_times_out_later(
    state: Path, fast_clock: None
) -> None:
    experiment = runs.ensure_experiment("trec")
    old = open_stage(experiment, "k", "old-container:7:1.00")
    runs.client().delete_tag(old, "coldpress.heartbeat")
    assert polls_until_unblocked("k", open_stage(experiment, "k")) == 60


def test_time_between_polls_hardly_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an outage of the tracking server no heartbeats arrive, not even of live runs."""
    clock = iter([0.0, 5.0, 3600.0, 3605.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monitor = HeartbeatMonitor()
    assert [monitor.silent_for("run", sign) for sign in ("a", "a", "a", "b")] == [
        0.0,
        5.0,
        15.0,
        0.0,
    ]


def test_a_waiting_run_reports_at_once_for_which_run(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = runs.ensure_experiment("trec")
    lines: list[str] = []
    ahead = open_stage(experiment, "k", REMOTE_PROCESS)
    mine = open_stage(experiment, "k")

    def report(line: str) -> None:
        lines.append(line)
        runs.client().set_terminated(ahead)

    wait_for_turn("k", mine, report)
    (line,) = lines
    assert line.startswith(f"waits for run {ahead} of process 7 on old-container, open since 20")
    assert line.endswith(
        "until it ends or has sent no heartbeat for 120 s;"
        " to continue at once, delete that run in MLflow"
    )


def test_a_waiting_run_proceeds_when_it_was_deleted_itself(state: Path) -> None:
    experiment = runs.ensure_experiment("trec")
    open_stage(experiment, "k", REMOTE_PROCESS)
    mine = open_stage(experiment, "k")
    runs.client().delete_run(mine)
    assert not is_blocked("k", mine)


def test_a_managed_run_sends_heartbeats(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.05)
    run_id = open_stage(runs.ensure_experiment("trec"), "k")
    runs.set_tags(run_id, {"heartbeat": "the one that it was opened with"})
    with runs.managed_run(run_id):
        until = time.monotonic() + 30
        while "opened" in runs.client().get_run(run_id).data.tags["coldpress.heartbeat"]:
            assert time.monotonic() < until
            time.sleep(0.02)
    assert status(run_id) == "FINISHED"


def test_a_failed_heartbeat_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.01)
    tries = []

    def give() -> None:
        tries.append(1)
        raise ConnectionError("no server")

    until = time.monotonic() + 30
    with heartbeat.send_heartbeats(give):
        while len(tries) < 3:
            assert time.monotonic() < until
            time.sleep(0.01)


def test_a_run_closes_the_silent_ones_of_its_recipe(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for them, and gc would remove nothing of the recipe while they are open."""
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.02)
    monkeypatch.setattr(open_runs, "HEARTBEAT_TIMEOUT", 0.1)
    experiment = runs.ensure_experiment("trec")
    silent = open_stage(experiment, "other key", REMOTE_PROCESS)
    mine = open_stage(experiment, "k")
    with open_runs.close_silent_runs(experiment):
        until = time.monotonic() + 30
        while status(silent) == "RUNNING":
            assert time.monotonic() < until
            time.sleep(0.02)
    assert status(mine) == "RUNNING"


def test_a_host_that_was_renamed_is_the_same_host(monkeypatch: pytest.MonkeyPatch) -> None:
    name = processes.current_process_identity()
    monkeypatch.setattr(socket, "gethostname", lambda: "another-name")
    assert processes.is_alive(name)
    assert processes.is_gone(DEAD_PROCESS)
    assert processes.host_of(name) != "another-name"


def test_a_container_with_the_same_host_name_is_unobservable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its pids belong to another namespace, whether or not they exist in this one."""
    living = processes.current_process_identity()
    monkeypatch.setattr(machine, "pid_namespace", lambda: "4026532999")
    for name in (living, DEAD_PROCESS):
        assert not processes.is_gone(name)
        assert not processes.is_alive(name)


@pytest.mark.parametrize(
    ("machine_id", "namespace", "expected"),
    [
        ("0123456789", machine.INITIAL_PID_NAMESPACE, True),
        ("", machine.INITIAL_PID_NAMESPACE, False),
        ("0123456789", "4026532999", False),
    ],
    ids=["same machine", "unknown machine", "container"],
)
def test_a_reboot_ends_all_processes_of_a_machine(
    monkeypatch: pytest.MonkeyPatch, machine_id: str, namespace: str, expected: bool
) -> None:
    monkeypatch.setattr(machine, "machine_id", lambda: machine_id)
    monkeypatch.setattr(machine, "pid_namespace", lambda: namespace)
    monkeypatch.setattr(machine, "boot_id", lambda: "first-boot")
    name = processes.current_process_identity()
    monkeypatch.setattr(machine, "boot_id", lambda: "second-boot")
    assert processes.is_gone(name) is expected
    assert not processes.is_alive(name)
