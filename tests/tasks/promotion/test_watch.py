from pathlib import Path

import pytest
from registered import named, passed, promote, rollback, version

from tasks.environment import processes
from tasks.promotion import audit, watch
from tasks.promotion.aliases import AliasChange
from tasks.promotion.audit import Request
from tasks.tracking import runs

GONE = f"{processes.current_process_identity().rsplit(':', 2)[0]}:1:1.00"


def point(number: str) -> None:
    runs.client().set_registered_model_alias("trec", "champion", number)


@pytest.fixture
def promoted(state: Path, tmp_path: Path) -> None:
    """1 and then 2 were promoted; 3 passed its gate too, 4 was refused by it."""
    passed(tmp_path, 3)
    version(tmp_path, **{"gate": "refused", "gate.reasons": "Too slow."})
    promote("1")
    promote("2")


def test_what_the_audit_explains_leaves_no_record(promoted: None) -> None:
    assert watch.reconcile("trec", "revert") is None
    assert len(audit.all_tickets("trec")) == 2


@pytest.mark.parametrize("policy", ["flag", "revert"])
def test_a_hand_that_chose_a_version_that_passed_is_recorded(
    promoted: None, policy: watch.Policy
) -> None:
    point("3")
    record = watch.reconcile("trec", policy, "run-1")
    assert record is not None
    kept = ("intent", "who", "from", "to", "moved_by_hand", "flow_run_id", "state")
    assert [record.tags[name] for name in kept] == [
        *("hand", "unknown (moved in MLflow)", "2", "3", "champion 2 -> 3", "run-1", "done")
    ]
    assert "flagged" not in record.tags
    assert named() == ("3", "2")  # a rollback now undoes what the hand did
    assert watch.reconcile("trec", policy) is None


def test_a_hand_that_chose_what_the_gate_refused_is_flagged(promoted: None) -> None:
    point("4")
    record = watch.reconcile("trec", "flag")
    assert record is not None
    assert record.tags["flagged"] == "trec/4 was refused by its gate: Too slow."
    assert named() == ("4", "2")


def test_or_reverted(promoted: None) -> None:
    point("4")
    record = watch.reconcile("trec", "revert")
    assert record is not None
    assert (record.tags["intent"], record.moved_from, record.moved_to) == ("revert", "4", "2")
    assert record.tags["objection"] == "trec/4 was refused by its gate: Too slow."
    assert named() == ("2", "1")  # a rollback must not bring 4 back
    rollback()
    assert named() == ("1", "2")


def test_a_champion_that_was_taken_away_is_restored(promoted: None) -> None:
    runs.client().delete_registered_model_alias("trec", "champion")
    record = watch.reconcile("trec", "flag")
    assert record is not None
    assert (record.tags["intent"], named()) == ("restore", ("2", "1"))


def test_if_it_was_deleted_the_one_before_is_restored(promoted: None) -> None:
    runs.client().delete_model_version("trec", "2")
    assert named() == (None, "1")
    watch.reconcile("trec", "flag")
    assert named() == ("1", "1")


def test_a_first_champion_that_a_hand_made_stays_whatever_it_is(
    state: Path, tmp_path: Path
) -> None:
    """There is nothing to revert to, and none is worse."""
    version(tmp_path)
    point("1")
    assert watch.list_watched_models() == ["trec"]
    record = watch.reconcile("trec", "revert")
    assert record is not None
    assert record.tags["flagged"] == "trec/1 was never judged by a gate"
    assert named() == ("1", None)


def test_a_promotion_that_died_half_way_is_completed_and_not_taken_for_a_hand(
    promoted: None,
) -> None:
    request = Request(model="trec", intent="promote", who="bob", why="x", target="3")
    left = audit.enqueue(request)
    plan = AliasChange(champion="3", before="2", previous="2")
    audit.write_tags(left, {**plan.tags(), "process": GONE})
    point("3")
    assert watch.reconcile("trec", "revert") is None
    assert (audit.reload_ticket(left).state, named()) == ("done", ("3", "2"))
    assert [t.tags["intent"] for t in audit.all_tickets("trec") if t.state == "done"] == 3 * [
        "promote"
    ]


def test_what_is_watched_has_a_champion_or_had_one(promoted: None, tmp_path: Path) -> None:
    version(tmp_path, "trec-teacher", "train_teacher")
    version(tmp_path, "other")
    runs.client().delete_registered_model_alias("trec", "champion")
    assert watch.list_watched_models() == ["trec"]


def recreate(place: Path, *verdicts: str) -> None:
    """Delete the model, and register versions 1, 2, ... of others under its name."""
    runs.client().delete_registered_model("trec")
    for verdict in verdicts:
        version(place, gate=verdict)


def old_records() -> None:
    """Leave on the tickets what an older Coldpress wrote: numbers, without digests or times."""
    for ticket in audit.all_tickets("trec"):
        for tag in ticket.tags:
            if tag.endswith(("_digest", "_created")):
                runs.client().delete_model_version_tag("trec-audit", str(ticket.number), tag)


@pytest.mark.parametrize("records", ["new", "old"])
@pytest.mark.parametrize("verdict", ["refused", "passed"])
def test_the_audit_of_a_deleted_model_restores_nothing_of_its_successor(
    promoted: None, tmp_path: Path, records: str, verdict: str
) -> None:
    recreate(tmp_path, verdict, verdict)
    if records == "old":
        old_records()
    assert watch.reconcile("trec", "flag") is None
    assert named() == (None, None)
    assert (
        len(audit.all_tickets("trec")) == 2
    )  # and no look leaves a record of having found nothing


def test_a_successor_with_the_number_of_the_old_champion_is_looked_into(
    promoted: None, tmp_path: Path
) -> None:
    recreate(tmp_path, "passed", "refused")
    point("2")
    record = watch.reconcile("trec", "revert")
    assert record is not None
    assert record.tags["flagged"] == "trec/2 was refused by its gate: refused"
    assert (record.tags["intent"], named()) == ("hand", ("2", None))
    assert watch.reconcile("trec", "revert") is None


def test_old_records_still_tell_of_versions_that_are_older_than_they(promoted: None) -> None:
    old_records()
    assert watch.reconcile("trec", "flag") is None
    runs.client().delete_registered_model_alias("trec", "champion")
    watch.reconcile("trec", "flag")
    assert named() == ("2", "1")


def test_what_its_gate_refused_is_never_restored(promoted: None) -> None:
    promote("4", forced=True)
    runs.client().delete_registered_model_alias("trec", "champion")
    watch.reconcile("trec", "flag")
    assert named() == ("2", "2")


def test_nor_reverted_to(promoted: None, tmp_path: Path) -> None:
    promote("4", forced=True)
    version(tmp_path, gate="refused")
    point("5")
    record = watch.reconcile("trec", "revert")
    assert record is not None
    assert (record.tags["intent"], named()) == ("hand", ("5", "4"))
