import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from registered import named, passed, promote, rollback

from tasks.environment import processes
from tasks.promotion import aliases, audit, queue
from tasks.promotion.aliases import AliasChange
from tasks.promotion.audit import Request, Ticket
from tasks.tracking import runs

GONE = f"{processes.current_process_identity().rsplit(':', 2)[0]}:1:1.00"
ELSEWHERE = "elsewhere:1:1.00"
ROOT = Path(__file__).parents[2]


def left_behind(target: str, process: str = GONE) -> Ticket:
    """An open ticket whose holder is not there."""
    request = Request(model="trec", intent="promote", who="bob", why="x", target=target)
    ticket = audit.enqueue(request)
    audit.write_tags(ticket, {"process": process})
    return ticket


def point(alias: str, number: str) -> None:
    runs.client().set_registered_model_alias("trec", alias, number)


@pytest.fixture
def two(state: Path, tmp_path: Path) -> None:
    """Of four versions, 2 is champion and 1 is previous."""
    passed(tmp_path, 4)
    promote("1")
    promote("2")


@pytest.mark.parametrize("moved", [(), ("champion",), ("champion", "previous")])
def test_what_a_dead_holder_had_planned_is_completed(two: None, moved: tuple[str, ...]) -> None:
    left = left_behind("3")
    plan = AliasChange(champion="3", before="2", previous="2")
    audit.write_tags(left, plan.tags())
    for alias in moved:
        point(alias, {"champion": "3", "previous": "2"}[alias])
    follower = rollback()
    settled = audit.reload_ticket(left)
    assert (settled.state, settled.tags["repaired_by"]) == ("done", str(follower.number))
    assert named() == ("2", "3")


def test_what_a_dead_holder_had_not_planned_did_not_begin(two: None) -> None:
    left = left_behind("3")
    audit.write_tags(left, {"from": "2", "previous": "2"})  # killed before the plan was sealed
    promote("4")
    assert (audit.reload_ticket(left).state, named()) == ("expired", ("4", "2"))


def test_a_hand_that_moved_the_champion_after_the_kill_has_the_last_word(two: None) -> None:
    left = left_behind("3")
    audit.write_tags(left, AliasChange(champion="3", before="2", previous="2").tags())
    point("champion", "1")
    follower = promote("4")
    assert audit.reload_ticket(left).state == "expired"
    assert (follower.moved_from, follower.tags["moved_by_hand"]) == ("1", "champion 2 -> 1")
    assert named() == ("4", "1")


def test_a_plan_whose_version_was_deleted_is_not_completed(two: None) -> None:
    left = left_behind("3")
    audit.write_tags(left, AliasChange(champion="3", before="2", previous="2").tags())
    runs.client().delete_model_version("trec", "3")
    promote("4")
    assert (audit.reload_ticket(left).state, named()) == ("expired", ("4", "2"))


def test_a_silent_holder_of_another_host_is_passed_in_time(
    two: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue, "LEASE_TIMEOUT", 1.0)
    monkeypatch.setattr(queue, "_QUIET_PERIOD", 0.5)
    left, started = left_behind("3", ELSEWHERE), time.monotonic()
    promote("4")
    assert time.monotonic() - started > 1.0
    (line,) = caplog.messages
    assert line.startswith("trec: waits for the promote of bob on elsewhere (audit 3, since 20")
    assert (audit.reload_ticket(left).state, named()) == ("expired", ("4", "2"))


def test_a_living_holder_is_waited_for(two: None) -> None:
    held = Request(model="trec", intent="promote", who="bob", why="x", target="3")
    follower = threading.Thread(target=promote, args=("4",))
    with queue.acquire_lease(held) as (ticket, _):
        follower.start()
        while len(audit.open_tickets("trec")) < 2:
            time.sleep(0.02)
        time.sleep(0.5)  # several times what the follower needs once it has its turn
        assert named() == ("2", "1")
        audit.close_ticket(ticket, "refused")
    follower.join()
    assert named() == ("4", "2")


def test_of_those_who_live_only_the_first_settles_what_the_dead_left(two: None) -> None:
    """Else two could settle the same ticket, one of them after the other has moved."""
    left = left_behind("3")
    audit.write_tags(left, AliasChange(champion="3", before="2", previous="2").tags())
    request = Request(model="trec", intent="promote", who="bob", why="x", target="1")
    first = audit.enqueue(request)
    follower = threading.Thread(target=promote, args=("4",))
    follower.start()
    while len(audit.open_tickets("trec")) < 3:
        time.sleep(0.02)
    time.sleep(0.5)
    assert (audit.reload_ticket(left).state, named()) == ("open", ("2", "1"))
    audit.close_ticket(first, "refused")
    follower.join()
    assert (audit.reload_ticket(left).state, named()) == ("done", ("4", "3"))


def test_who_was_passed_while_it_slept_takes_another_ticket(
    two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "LEASE_TIMEOUT", 0.0)  # its lease is always in doubt
    monkeypatch.setattr(queue, "_GRACE_PERIOD", 0.0)
    times = []

    def decide() -> AliasChange:
        (mine,) = audit.open_tickets("trec")
        times.append(mine.number)
        if len(times) == 1:
            audit.close_ticket(mine, "expired")
        return AliasChange(champion="3", before="2", previous="2")

    request = Request(model="trec", intent="promote", who="bob", why="x", target="3")
    assert queue.run_exclusively(request, decide).number == times[1] == times[0] + 1
    assert [t.state for t in audit.all_tickets("trec")][-2:] == ["expired", "done"]


def test_a_holder_that_fails_frees_the_way(two: None) -> None:
    def decide() -> AliasChange:
        raise KeyError("no luck")

    request = Request(model="trec", intent="promote", who="bob", why="x", target="3")
    with pytest.raises(KeyError):
        queue.run_exclusively(request, decide)
    failed = audit.all_tickets("trec")[-1]
    assert (failed.state, failed.tags["outcome"]) == ("expired", "KeyError: 'no luck'")
    promote("4")


def test_signs_of_life_are_given_without_being_asked(
    two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_HEARTBEAT_INTERVAL", 0.05)
    request = Request(model="trec", intent="promote", who="bob", why="x", target="3")
    with queue.acquire_lease(request) as (ticket, _):
        until = time.monotonic() + 10
        while audit.reload_ticket(ticket).tags["heartbeat"] == ticket.tags["heartbeat"]:
            assert time.monotonic() < until
            time.sleep(0.02)
        audit.close_ticket(ticket, "refused")


def test_many_processes_and_many_kills(tmp_path: Path) -> None:
    """The benchmark's small edition: it exits with 1 where the audit explains less than all."""
    script = str(ROOT / "benchmarks" / "registry.py")
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    command = [sys.executable, script, "--moves", "6", "--kills", "3", "--server", store]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "{'done': 6}, 0 failed" in done.stdout


def test_a_plan_for_a_version_of_a_deleted_model_is_not_completed(
    two: None, tmp_path: Path
) -> None:
    left = left_behind("3")
    plan = AliasChange(champion="3", before="2", previous="2")
    audit.write_tags(left, aliases.change_tags("trec", plan))
    runs.client().delete_registered_model("trec")
    passed(tmp_path, 4)
    promote("4")
    assert (audit.reload_ticket(left).state, named()) == ("expired", ("4", None))
