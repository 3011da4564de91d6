from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldpress.errors import InputError, RefusedError
from tasks.environment import processes
from tasks.promotion import audit, reasons
from tasks.promotion import promote as promotion
from tasks.promotion.audit import Request
from tasks.tracking import runs
from tests.support.registered_models import named, passed, promote, rollback, version


def test_the_champion_becomes_previous_and_a_rollback_swaps_them(
    state: Path, tmp_path: Path
) -> None:
    passed(tmp_path, 3)
    aliases = []
    for target in ("1", "3"):
        promote(target)
        aliases.append(named())
    rollback()
    assert [*aliases, named()] == [("1", None), ("3", "1"), ("1", "3")]


def test_the_audit_records_requester_move_time_and_reason(state: Path, tmp_path: Path) -> None:
    passed(tmp_path, 2)
    promote("1")
    ticket = promote("2")
    tags = ("intent", "who", "why", "from", "to", "previous", "forced", "state")
    assert [ticket.tags[name] for name in tags] == [
        *("promote", "anna@here", "better", "1", "2", "1", "false", "done")
    ]
    assert ticket.tags["when"] < ticket.tags["closed"]
    assert [t.number for t in audit.all_tickets("trec")] == [1, 2]


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({}, "trec/2 has no gate result"),
        (
            {"gate": "refused", "gate.reasons": "Too slow.\nToo large."},
            r"trec/2 was refused by its gate: Too slow\. \(and 1 more\)",
        ),
    ],
)
def test_without_a_passed_gate_it_takes_force(
    state: Path, tmp_path: Path, tags: dict[str, str], message: str
) -> None:
    passed(tmp_path, 1)
    version(tmp_path, **tags)
    promote("1")
    with pytest.raises(RefusedError, match=message):
        promote("2")
    (_, record) = audit.all_tickets("trec")
    assert (named(), record.state) == (("1", None), "refused")
    assert "trec/2" in record.tags["outcome"]
    assert promote("2", forced=True).tags["forced"] == "true"
    assert named() == ("2", "1")


def test_force_does_not_promote_a_version_with_missing_files(state: Path, tmp_path: Path) -> None:
    passed(tmp_path, 1)
    (weights,) = (state / "artifacts").rglob("model.onnx")
    weights.unlink()
    with pytest.raises(RefusedError, match="trec/1: its files are missing or were changed"):
        promote("1", forced=True)
    assert named() == (None, None)


def test_promoting_the_champion_changes_nothing(state: Path, tmp_path: Path) -> None:
    passed(tmp_path, 2)
    promote("1")
    promote("2")
    assert promotion.is_champion("trec", "2")
    assert not promotion.is_champion("trec", "1")
    again = promote("2")
    assert (again.moved_from, again.moved_to, named()) == ("2", "2", ("2", "1"))


def test_without_a_previous_champion_a_rollback_is_rejected(state: Path, tmp_path: Path) -> None:
    passed(tmp_path, 1)
    promote("1")
    for attempt in (rollback, lambda: promotion.check_rollback("trec")):
        with pytest.raises(InputError, match="trec has no previous champion"):
            attempt()
    with pytest.raises(InputError, match="no nobody in the registry"):
        promotion.check_rollback("nobody")


def test_a_rollback_undoes_a_manual_move(state: Path, tmp_path: Path) -> None:
    passed(tmp_path, 3)
    promote("1")
    promote("2")
    runs.client().set_registered_model_alias("trec", "champion", "3")
    rollback()
    assert named() == ("2", "3")
    # The champion may also have been moved to the version that `previous` points to.
    runs.client().set_registered_model_alias("trec", "champion", "3")
    rollback()
    assert named() == ("2", "3")


def test_without_a_champion_a_rollback_undoes_the_last_audited_move(
    state: Path, tmp_path: Path
) -> None:
    passed(tmp_path, 2)
    promote("1")
    promote("2")
    runs.client().delete_registered_model_alias("trec", "champion")
    back = rollback()
    assert named() == ("1", "2") == (back.moved_to, back.previous)


def test_a_rollback_to_the_champion_itself_is_rejected(state: Path, tmp_path: Path) -> None:
    passed(tmp_path, 2)
    promote("1")
    promote("2")
    runs.client().delete_model_version("trec", "2")
    assert rollback().moved_to == "1"
    with pytest.raises(InputError, match="trec has no previous champion"):
        rollback()


def test_a_rollback_that_was_killed_and_is_run_again_rolls_back_once(
    state: Path, tmp_path: Path
) -> None:
    passed(tmp_path, 2)
    promote("1")
    promote("2")
    request = Request(model="trec", intent="rollback", who="anna@here", why="worse")
    killed = audit.enqueue(request)
    dead_process = f"{processes.current_process_identity().rsplit(':', 2)[0]}:1:1.00"
    audit.write_tags(killed, {"process": dead_process, "from": "2", "previous": "2", "to": "1"})
    again = rollback()
    assert named() == ("1", "2")
    assert again.tags["completes"] == str(killed.number)
    rollback()
    assert named() == ("2", "1")


def test_a_rollback_to_a_refused_version_is_flagged(state: Path, tmp_path: Path) -> None:
    version(tmp_path, gate="refused", **{"gate.reasons": "Too slow."})
    passed(tmp_path, 1)
    promote("1", forced=True)
    promote("2")
    assert rollback().tags["flagged"] == "trec/1 was refused by its gate: Too slow."


def test_only_deployable_versions_are_promoted(state: Path, tmp_path: Path) -> None:
    version(tmp_path, "trec-teacher", "train_teacher")
    version(tmp_path)
    runs.client().set_registered_model_alias("trec", "challenger", "1")
    assert promotion.resolve_promotable("trec@challenger") == ("trec", "1")
    with pytest.raises(InputError, match="trec-teacher/1 is a checkpoint of train_teacher"):
        promotion.resolve_promotable("trec-teacher/1")


@pytest.mark.parametrize(
    "reference", ["trec", "trec/", "trec/one", "trec@", "a/b/1", "", "trec/1/2"]
)
def test_a_malformed_reference_is_rejected(state: Path, reference: str) -> None:
    with pytest.raises(InputError, match="neither MODEL/VERSION nor MODEL@alias"):
        promotion.resolve_promotable(reference)


def test_the_audit_survives_the_version(state: Path, tmp_path: Path) -> None:
    passed(tmp_path, 2)
    promote("1")
    promote("2")
    runs.client().delete_model_version("trec", "1")
    assert [t.moved_to for t in audit.all_tickets("trec")] == ["1", "2"]
    assert promotion.is_champion("trec", "2")


@given(st.text(max_size=100))
def test_a_reason_is_one_printable_line_or_refused(reason: str) -> None:
    try:
        line = reasons.normalize(reason)
    except InputError:
        assert not any(c.isprintable() and not c.isspace() for c in reason)
    else:
        assert line
        assert line.isprintable()
        assert "".join(line.split()) == "".join(c for c in reason if c.isprintable() and c != " ")


def test_a_reason_has_a_limit() -> None:
    assert reasons.normalize("x" * 500) == "x" * 500
    with pytest.raises(InputError, match="reason: has 501 characters, at most 500 are allowed"):
        reasons.normalize("x" * 501)


def test_a_reassigned_version_number_is_refused(state: Path, tmp_path: Path) -> None:
    digest = version(tmp_path, gate="passed")
    request = Request(
        model="trec", intent="promote", who="anna@here", why="x", target="1", target_digest=digest
    )
    runs.client().delete_registered_model("trec")
    version(tmp_path, gate="passed")
    with pytest.raises(RefusedError, match="trec/1 is no longer the requested version"):
        promotion.promote(request)
    assert named() == (None, None)


def test_a_rollback_ignores_versions_of_a_deleted_model(state: Path, tmp_path: Path) -> None:
    passed(tmp_path, 2)
    promote("1")
    promote("2")
    runs.client().delete_registered_model("trec")
    passed(tmp_path, 2)
    with pytest.raises(InputError, match="trec has no previous champion"):
        rollback()
    runs.client().set_registered_model_alias("trec", "champion", "1")
    with pytest.raises(InputError, match="trec has no previous champion"):
        rollback()


def test_tickets_name_versions_by_digest_too(state: Path, tmp_path: Path) -> None:
    first = version(tmp_path, gate="passed")
    second = version(tmp_path, gate="passed")
    promote("1")
    ticket = promote("2")
    names = ("from_digest", "previous_digest", "to_digest")
    assert [ticket.tags[name] for name in names] == [first, first, second]
