from pathlib import Path

import pytest

from tasks.environment import processes
from tasks.promotion import audit, watch
from tasks.promotion.aliases import AliasChange
from tasks.promotion.audit import Request
from tasks.tracking import runs
from tests.support.registered_models import named, passed, promote, rollback, version

DEAD_PROCESS = f"{processes.current_process_identity().rsplit(':', 2)[0]}:1:1.00"


def point(number: str) -> None:
    runs.client().set_registered_model_alias("trec", "champion", number)


@pytest.fixture
def promoted(state: Path, tmp_path: Path) -> None:
    """Versions 1 and then 2 were promoted; 3 passed its gate too, 4 was refused."""
    passed(tmp_path, 3)
    version(tmp_path, **{"gate": "refused", "gate.reasons": "Too slow."})
    promote("1")
    promote("2")


def test_an_audited_champion_leaves_no_record(promoted: None) -> None:
    assert watch.reconcile("trec", "revert") is None
    assert len(audit.all_tickets("trec")) == 2


@pytest.mark.parametrize("policy", ["flag", "revert"])
def test_a_manual_move_to_a_version_that_passed_is_recorded(
    promoted: None, policy: watch.Policy
) -> None:
    point("3")
    record = watch.reconcile("trec", policy, "run-1")
    assert record is not None
    tags = ("intent", "who", "from", "to", "moved_by_hand", "flow_run_id", "state")
    assert [record.tags[name] for name in tags] == [
        *("hand", "unknown (moved in MLflow)", "2", "3", "champion 2 -> 3", "run-1", "done")
    ]
    assert "flagged" not in record.tags
    assert named() == ("3", "2")  # a rollback now undoes the manual move
    assert watch.reconcile("trec", policy) is None


def test_a_manual_move_to_a_refused_version_is_flagged(promoted: None) -> None:
    point("4")
    record = watch.reconcile("trec", "flag")
    assert record is not None
    assert record.tags["flagged"] == "trec/4 was refused by its gate: Too slow."
    assert named() == ("4", "2")


def test_a_manual_move_to_a_refused_version_is_reverted(promoted: None) -> None:
    point("4")
    record = watch.reconcile("trec", "revert")
    assert record is not None
    assert (record.tags["intent"], record.moved_from, record.moved_to) == ("revert", "4", "2")
    assert record.tags["objection"] == "trec/4 was refused by its gate: Too slow."
    assert named() == ("2", "1")  # a rollback must not bring 4 back
    rollback()
    assert named() == ("1", "2")


def test_a_removed_champion_alias_is_restored(promoted: None) -> None:
    runs.client().delete_registered_model_alias("trec", "champion")
    record = watch.reconcile("trec", "flag")
    assert record is not None
    assert (record.tags["intent"], named()) == ("restore", ("2", "1"))


def test_a_deleted_champion_is_replaced_by_the_one_before(promoted: None) -> None:
    runs.client().delete_model_version("trec", "2")
    assert named() == (None, "1")
    watch.reconcile("trec", "flag")
    assert named() == ("1", "1")


def test_a_first_champion_set_by_hand_is_kept(state: Path, tmp_path: Path) -> None:
    """There is no other version to revert to."""
    version(tmp_path)
    point("1")
    assert watch.list_watched_models() == ["trec"]
    record = watch.reconcile("trec", "revert")
    assert record is not None
    assert record.tags["flagged"] == "trec/1 has no gate result"
    assert named() == ("1", None)


def test_an_interrupted_promotion_is_completed_and_is_no_manual_move(
    promoted: None,
) -> None:
    request = Request(model="trec", intent="promote", who="bob", why="x", target="3")
    abandoned = audit.enqueue(request)
    plan = AliasChange(champion="3", before="2", previous="2")
    audit.write_tags(abandoned, {**plan.tags(), "process": DEAD_PROCESS})
    point("3")
    assert watch.reconcile("trec", "revert") is None
    assert (audit.reload_ticket(abandoned).state, named()) == ("done", ("3", "2"))
    assert [t.tags["intent"] for t in audit.all_tickets("trec") if t.state == "done"] == 3 * [
        "promote"
    ]


def test_watched_models_have_or_had_a_champion(promoted: None, tmp_path: Path) -> None:
    version(tmp_path, "trec-teacher", "train_teacher")
    version(tmp_path, "other")
    runs.client().delete_registered_model_alias("trec", "champion")
    assert watch.list_watched_models() == ["trec"]


def recreate(place: Path, *verdicts: str) -> None:
    """Delete the model, and register new versions 1, 2, ... under its name."""
    runs.client().delete_registered_model("trec")
    for verdict in verdicts:
        version(place, gate=verdict)


def old_records() -> None:
    """Reduce tickets to what an older Coldpress wrote: numbers without digests or times."""
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
    assert len(audit.all_tickets("trec")) == 2  # nothing was recorded


def test_a_new_version_with_the_number_of_the_old_champion_is_recorded(
    promoted: None, tmp_path: Path
) -> None:
    recreate(tmp_path, "passed", "refused")
    point("2")
    record = watch.reconcile("trec", "revert")
    assert record is not None
    assert record.tags["flagged"] == "trec/2 was refused by its gate: refused"
    assert (record.tags["intent"], named()) == ("hand", ("2", None))
    assert watch.reconcile("trec", "revert") is None


def test_old_records_refer_to_versions_older_than_themselves(promoted: None) -> None:
    old_records()
    assert watch.reconcile("trec", "flag") is None
    runs.client().delete_registered_model_alias("trec", "champion")
    watch.reconcile("trec", "flag")
    assert named() == ("2", "1")


def test_a_refused_version_is_never_restored(promoted: None) -> None:
    promote("4", forced=True)
    runs.client().delete_registered_model_alias("trec", "champion")
    watch.reconcile("trec", "flag")
    assert named() == ("2", "2")


def test_a_refused_version_is_never_reverted_to(promoted: None, tmp_path: Path) -> None:
    promote("4", forced=True)
    version(tmp_path, gate="refused")
    point("5")
    record = watch.reconcile("trec", "revert")
    assert record is not None
    assert (record.tags["intent"], named()) == ("hand", ("5", "4"))
