import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from tasks.environment import processes
from tasks.promotion import aliases, audit, queue
from tasks.promotion.aliases import AliasChange
from tasks.promotion.audit import Request, Ticket
from tasks.tracking import runs
from tests.support.registered_models import named, passed, promote, rollback

DEAD_PROCESS = f"{processes.current_process_identity().rsplit(':', 2)[0]}:1:1.00"
REMOTE_PROCESS = "elsewhere:1:1.00"
ROOT = Path(__file__).parents[3]


def abandoned_ticket(target: str, process: str = DEAD_PROCESS) -> Ticket:
    """Create an open ticket whose holder is gone."""
    request = Request(model="trec", intent="promote", who="bob", why="x", target=target)
    ticket = audit.enqueue(request)
    audit.write_tags(ticket, {"process": process})
    return ticket


def point(alias: str, number: str) -> None:
    runs.client().set_registered_model_alias("trec", alias, number)


@pytest.fixture
def two_promotions(state: Path, tmp_path: Path) -> None:
    """Of four versions, 2 is champion and 1 is previous."""
    passed(tmp_path, 4)
    promote("1")
    promote("2")


@pytest.mark.parametrize("moved_aliases", [(), ("champion",), ("champion", "previous")])
def test_the_plan_of_a_dead_holder_is_completed(
    two_promotions: None, moved_aliases: tuple[str, ...]
) -> None:
    abandoned = abandoned_ticket("3")
    plan = AliasChange(champion="3", before="2", previous="2")
    audit.write_tags(abandoned, plan.tags())
    for alias in moved_aliases:
        point(alias, {"champion": "3", "previous": "2"}[alias])
    follower = rollback()
    recovered = audit.reload_ticket(abandoned)
    assert (recovered.state, recovered.tags["repaired_by"]) == ("done", str(follower.number))
    assert named() == ("2", "3")


def test_a_ticket_without_a_plan_expires(two_promotions: None) -> None:
    abandoned = abandoned_ticket("3")
    audit.write_tags(
        abandoned, {"from": "2", "previous": "2"}
    )  # killed before the plan was committed
    promote("4")
    assert (audit.reload_ticket(abandoned).state, named()) == ("expired", ("4", "2"))


def test_a_manual_move_after_the_kill_is_kept(two_promotions: None) -> None:
    abandoned = abandoned_ticket("3")
    audit.write_tags(abandoned, AliasChange(champion="3", before="2", previous="2").tags())
    point("champion", "1")
    follower = promote("4")
    assert audit.reload_ticket(abandoned).state == "expired"
    assert (follower.moved_from, follower.tags["moved_by_hand"]) == ("1", "champion 2 -> 1")
    assert named() == ("4", "1")


def test_a_plan_whose_version_was_deleted_is_not_completed(two_promotions: None) -> None:
    abandoned = abandoned_ticket("3")
    audit.write_tags(abandoned, AliasChange(champion="3", before="2", previous="2").tags())
    runs.client().delete_model_version("trec", "3")
    promote("4")
    assert (audit.reload_ticket(abandoned).state, named()) == ("expired", ("4", "2"))


def test_a_silent_holder_on_another_host_times_out(
    two_promotions: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue, "LEASE_TIMEOUT", 1.0)
    monkeypatch.setattr(queue, "_QUIET_PERIOD", 0.5)
    abandoned = abandoned_ticket("3", REMOTE_PROCESS)
    started = time.monotonic()
    promote("4")
    assert time.monotonic() - started > 1.0
    (line,) = caplog.messages
    assert line.startswith("trec: waits for the promote of bob on elsewhere (audit 3, since 20")
    assert (audit.reload_ticket(abandoned).state, named()) == ("expired", ("4", "2"))


@pytest.fixture
def wait_is_logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Set as soon as a process has looked at the queue and found that it is not its turn."""
    monkeypatch.setattr(queue, "_QUIET_PERIOD", 0.0)
    logged = Event()
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", lambda _: logged.set())
    logger = logging.getLogger(queue.__name__)
    logger.addHandler(handler)
    yield logged
    logger.removeHandler(handler)


def test_a_living_holder_is_waited_for(two_promotions: None, wait_is_logged: Event) -> None:
    request = Request(model="trec", intent="promote", who="bob", why="x", target="3")
    follower = threading.Thread(target=promote, args=("4",))
    with queue.acquire_lease(request) as (ticket, _):
        follower.start()
        assert wait_is_logged.wait(60)
        assert named() == ("2", "1")
        audit.close_ticket(ticket, "refused")
    follower.join()
    assert named() == ("4", "2")


def test_only_the_first_live_ticket_recovers_abandoned_ones(
    two_promotions: None, wait_is_logged: Event
) -> None:
    """Else two could recover the same ticket, one of them after the other has moved."""
    abandoned = abandoned_ticket("3")
    audit.write_tags(abandoned, AliasChange(champion="3", before="2", previous="2").tags())
    request = Request(model="trec", intent="promote", who="bob", why="x", target="1")
    first = audit.enqueue(request)
    follower = threading.Thread(target=promote, args=("4",))
    follower.start()
    assert wait_is_logged.wait(60)
    assert (audit.reload_ticket(abandoned).state, named()) == ("open", ("2", "1"))
    audit.close_ticket(first, "refused")
    follower.join()
    assert (audit.reload_ticket(abandoned).state, named()) == ("done", ("4", "3"))


def test_a_process_that_lost_its_lease_takes_another_ticket(
    two_promotions: None, monkeypatch: pytest.MonkeyPatch
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


def test_a_holder_that_fails_releases_the_queue(two_promotions: None) -> None:
    def decide() -> AliasChange:
        raise KeyError("no luck")

    request = Request(model="trec", intent="promote", who="bob", why="x", target="3")
    with pytest.raises(KeyError):
        queue.run_exclusively(request, decide)
    failed = audit.all_tickets("trec")[-1]
    assert (failed.state, failed.tags["outcome"]) == ("expired", "KeyError: 'no luck'")
    promote("4")


def test_a_lease_sends_heartbeats(two_promotions: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_HEARTBEAT_INTERVAL", 0.05)
    request = Request(model="trec", intent="promote", who="bob", why="x", target="3")
    with queue.acquire_lease(request) as (ticket, _):
        until = time.monotonic() + 10
        while audit.reload_ticket(ticket).tags["heartbeat"] == ticket.tags["heartbeat"]:
            assert time.monotonic() < until
            time.sleep(0.02)
        audit.close_ticket(ticket, "refused")


@pytest.mark.integration
def test_many_processes_and_many_kills(tmp_path: Path) -> None:
    """A small run of the benchmark, which exits with 1 unless the audit explains every move."""
    script = str(ROOT / "benchmarks" / "registry.py")
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    command = [sys.executable, script, "--moves", "6", "--kills", "3", "--server", store]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, cwd=ROOT
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "{'done': 6}, 0 failed" in result.stdout


def test_a_plan_for_a_version_of_a_deleted_model_is_not_completed(
    two_promotions: None, tmp_path: Path
) -> None:
    abandoned = abandoned_ticket("3")
    plan = AliasChange(champion="3", before="2", previous="2")
    audit.write_tags(abandoned, aliases.change_tags("trec", plan))
    runs.client().delete_registered_model("trec")
    passed(tmp_path, 4)
    promote("4")
    assert (audit.reload_ticket(abandoned).state, named()) == ("expired", ("4", None))
