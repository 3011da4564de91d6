"""Who is waited for: the living; and those of whom nobody can tell, as long as they give signs."""

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

GONE = f"{processes.current_process_identity().rsplit(':', 2)[0]}:1:1.00"
ELSEWHERE = "old-container~~boot-2~4026539999:7:1.00"


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
    dead, living = open_stage(experiment, "k", GONE), open_stage(experiment, "k")
    assert open_runs.close_dead_runs(experiment) == [f"process 1 on {socket.gethostname()}"]
    assert (status(dead), status(living)) == ("KILLED", "RUNNING")


def test_of_two_that_want_the_same_the_earlier_goes_first(state: Path) -> None:
    experiment = runs.ensure_experiment("trec")
    first, second = open_stage(experiment, "k"), open_stage(experiment, "k")
    other = open_stage(experiment, "another key")
    assert [is_blocked("k", run) for run in (first, second)].count(True) == 1
    assert not is_blocked("another key", other)
    for run in (first, second):
        runs.client().set_terminated(run)
    third = open_stage(experiment, "k")
    assert not is_blocked("k", third)


def test_nobody_waits_for_the_dead(state: Path) -> None:
    experiment = runs.ensure_experiment("trec")
    open_stage(experiment, "k", GONE)
    assert not is_blocked("k", open_stage(experiment, "k"))


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is ten seconds after the one before."""
    clock = itertools.count(0.0, 10.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))


def looks_until_passed(key: str, run_id: str, sign: str | None = None) -> int | None:
    """How often a waiter looks at the runs ahead of it; None where it would go on for an hour."""
    watch = HeartbeatMonitor()
    for look in range(360):
        ahead = _earlier_runs(key, run_id, watch)
        if not ahead:
            return look
        if sign is not None:
            runs.set_tags(str(ahead[0].info.run_id), {"heartbeat": f"{sign} {look}"})
    return None


def test_a_run_of_another_machine_is_passed_when_it_gives_no_sign(
    state: Path, seconds: None
) -> None:
    experiment = runs.ensure_experiment("trec")
    chain = runs.open_run(experiment, "trec", {})
    runs.set_tags(chain, {"process": ELSEWHERE})
    dead = open_stage(experiment, "k", ELSEWHERE)
    mine = open_stage(experiment, "k")
    assert looks_until_passed("k", mine) == 12
    assert [status(run) for run in (chain, dead, mine)] == ["KILLED", "KILLED", "RUNNING"]


def test_one_that_gives_signs_is_waited_for(state: Path, seconds: None) -> None:
    experiment = runs.ensure_experiment("trec")
    living = open_stage(experiment, "k", ELSEWHERE)
    assert looks_until_passed("k", open_stage(experiment, "k"), "sign") is None
    assert status(living) == "RUNNING"


def test_one_of_an_older_version_gives_none_and_is_passed_later(state: Path, seconds: None) -> None:
    experiment = runs.ensure_experiment("trec")
    old = open_stage(experiment, "k", "old-container:7:1.00")
    runs.client().delete_tag(old, "coldpress.heartbeat")
    assert looks_until_passed("k", open_stage(experiment, "k")) == 60


def test_time_in_which_nobody_looked_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an outage of the tracking server no signs arrive, of the living either."""
    clock = iter([0.0, 5.0, 3600.0, 3605.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    watch = HeartbeatMonitor()
    assert [watch.silent_for("run", sign) for sign in ("a", "a", "a", "b")] == [0.0, 5.0, 15.0, 0.0]


def test_a_waiter_says_at_once_for_whom(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment, said = runs.ensure_experiment("trec"), list[str]()
    ahead = open_stage(experiment, "k", ELSEWHERE)
    mine = open_stage(experiment, "k")

    def say(line: str) -> None:
        said.append(line)
        runs.client().set_terminated(ahead)

    wait_for_turn("k", mine, say)
    (line,) = said
    assert line.startswith(f"waits for run {ahead} of process 7 on old-container, open since 20")
    assert line.endswith(
        "until it has ended or has given no sign of life for 120 s;"
        " to go on at once, delete that run in MLflow"
    )


def test_whoever_waits_goes_on_when_its_own_run_was_deleted(state: Path) -> None:
    experiment = runs.ensure_experiment("trec")
    open_stage(experiment, "k", ELSEWHERE)
    mine = open_stage(experiment, "k")
    runs.client().delete_run(mine)
    assert not is_blocked("k", mine)


def test_a_run_gives_signs_while_it_is_worked_on(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.05)
    run_id = open_stage(runs.ensure_experiment("trec"), "k")
    runs.set_tags(run_id, {"heartbeat": "the one that it was opened with"})
    with runs.managed_run(run_id):
        until = time.monotonic() + 30
        while "opened" in runs.client().get_run(run_id).data.tags["coldpress.heartbeat"]:
            assert time.monotonic() < until
            time.sleep(0.02)
    assert status(run_id) == "FINISHED"


def test_a_sign_that_cannot_be_given_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
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
    """Nobody waits for them, and gc would keep everything of the recipe for their sake."""
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.02)
    monkeypatch.setattr(open_runs, "HEARTBEAT_TIMEOUT", 0.1)
    experiment = runs.ensure_experiment("trec")
    silent, mine = open_stage(experiment, "other key", ELSEWHERE), open_stage(experiment, "k")
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
    assert processes.is_gone(GONE)
    assert processes.host_of(name) != "another-name"


def test_of_a_container_with_the_same_host_name_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its pids are not the pids of this one, whether they exist here or not."""
    living = processes.current_process_identity()
    monkeypatch.setattr(machine, "pid_namespace", lambda: "4026532999")
    for name in (living, GONE):
        assert not processes.is_gone(name)
        assert not processes.is_alive(name)


@pytest.mark.parametrize(
    ("machine_id", "namespace", "gone"),
    [
        ("0123456789", machine.INITIAL_PID_NAMESPACE, True),
        ("", machine.INITIAL_PID_NAMESPACE, False),
        ("0123456789", "4026532999", False),
    ],
    ids=["same machine", "unknown machine", "container"],
)
def test_a_machine_that_was_started_again_has_ended_all_that_ran(
    monkeypatch: pytest.MonkeyPatch, machine_id: str, namespace: str, gone: bool
) -> None:
    monkeypatch.setattr(machine, "machine_id", lambda: machine_id)
    monkeypatch.setattr(machine, "pid_namespace", lambda: namespace)
    monkeypatch.setattr(machine, "boot_id", lambda: "first-boot")
    name = processes.current_process_identity()
    monkeypatch.setattr(machine, "boot_id", lambda: "second-boot")
    assert processes.is_gone(name) is gone
    assert not processes.is_alive(name)
