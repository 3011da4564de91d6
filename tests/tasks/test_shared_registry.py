"""Versions that others registered under Coldpress's names, and aliases of deleted ones."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities.model_registry import RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from coldpress.errors import CorruptCheckpointError, InputError, RefusedError
from flows.cli import predict
from tasks.promotion import aliases, audit, retention, watch
from tasks.promotion import champion as in_service
from tasks.promotion import promote as promotion
from tasks.promotion.aliases import AliasChange
from tasks.promotion.audit import Request
from tasks.tracking import artifacts, registry, runs, versions
from tests.support import foreign_changes
from tests.support.registered_models import named, passed, promote, rollback, version

OURS = "the latest version made by Coldpress is trec/2"


def point(name: str, alias: str, number: str) -> None:
    runs.client().set_registered_model_alias(name, alias, number)


@pytest.fixture
def two(state: Path, tmp_path: Path) -> Path:
    """Two versions of trec that passed their gate."""
    passed(tmp_path, 2)
    return state


@pytest.mark.parametrize("source", foreign_changes.SOURCES)
def test_a_foreign_version_is_named_and_refused(two: Path, source: str) -> None:
    number = foreign_changes.register("trec", source)
    point("trec", "champion", number)
    why = f"trec/3 .*was not made by Coldpress, its source is {source}; {OURS}"
    for reference in ("trec/3", "trec@champion"):
        with pytest.raises(InputError, match=why):
            registry.resolve(reference)
        with pytest.raises(InputError, match=why):
            predict.predictions(reference, ["hello"], [])
        with pytest.raises(InputError, match=why):
            promotion.resolve_promotable(reference)
    with pytest.raises(InputError, match=why):
        in_service.load_champion("trec")


def test_the_latest_version_of_coldpress_is_used_with_a_warning(
    two: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert registry.resolve("trec").version in {"2", 2}
    assert caplog.messages == []
    foreign_changes.register("trec", "/srv/x")
    assert registry.resolve("trec").version in {"2", 2}
    message = "trec/3 (trec) was not made by Coldpress, its source is /srv/x; using trec/2 instead"
    assert caplog.record_tuples == [("coldpress", logging.WARNING, message)]


def test_a_model_without_a_version_of_coldpress_is_refused(state: Path) -> None:
    foreign_changes.register("fraud")
    with pytest.raises(
        InputError, match=r"not made by Coldpress.*; fraud has no version made by Coldpress"
    ):
        registry.resolve("fraud")
    with pytest.raises(InputError, match="fraud has no version made by Coldpress"):
        watch.validate_models(["fraud"])


def test_a_tag_digest_alone_makes_no_version_of_coldpress(two: Path) -> None:
    foreign_changes.register("trec", digest="0" * 64)
    with pytest.raises(InputError, match="not made by Coldpress"):
        registry.resolve("trec/3")


def test_a_foreign_champion_is_replaced_and_never_becomes_previous(two: Path) -> None:
    promote("1")
    point("trec", "champion", foreign_changes.register("trec"))
    promote("2")
    assert named() == ("2", None)
    last = audit.last_move("trec")
    assert last is not None
    assert last.tags["moved_by_hand"] == "champion 1 -> 3"
    assert last.moved_from == "3"


def test_a_rollback_from_a_foreign_champion_restores_the_last_audited(two: Path) -> None:
    promote("1")
    promote("2")
    point("trec", "champion", foreign_changes.register("trec"))
    rollback()
    assert named() == ("2", "1")


@pytest.mark.parametrize(("policy", "champion"), [("flag", "3"), ("revert", "1")])
def test_a_foreign_champion_is_flagged_or_reverted(
    two: Path, policy: watch.Policy, champion: str
) -> None:
    promote("1")
    point("trec", "champion", foreign_changes.register("trec"))
    record = watch.reconcile("trec", policy)
    assert record is not None
    message = record.tags.get("flagged") or record.tags["objection"]
    assert message == "trec/3 was not made by Coldpress"
    assert named()[0] == champion


def test_models_of_other_teams_are_not_watched(two: Path) -> None:
    promote("1")
    for name in ("fraud", "fraud-audit", "it's"):
        point(name, "champion", foreign_changes.register(name))
    assert watch.list_watched_models() == ["trec"]


def test_an_audit_record_of_a_foreign_model_does_not_make_it_watched(two: Path) -> None:
    point("fraud", "champion", foreign_changes.register("fraud"))
    foreign_changes.register("fraud-audit", "models:/fraud/1", intent="hand", state="done", to="1")
    assert watch.list_watched_models() == []


def test_a_model_whose_versions_are_all_deleted_is_still_watched(two: Path) -> None:
    promote("1")
    for number in ("1", "2"):
        runs.client().delete_model_version("trec", number)
    assert watch.list_watched_models() == ["trec"]
    assert watch.reconcile("trec", "flag") is None  # nothing is left that could be restored


def test_gc_deletes_no_files_of_foreign_versions(two: Path) -> None:
    for source in foreign_changes.SOURCES:
        foreign_changes.register("trec", source)
    assert [files.name for files in retention.plan_collection(0)] == ["trec/1", "trec/2"]


def test_an_alias_of_a_deleted_version_is_left_out_and_noted(two: Path) -> None:
    promote("1")
    foreign_changes.dangle(two, "trec", "champion", "1")
    assert aliases.read_aliases("trec").dangling == ("champion 1",)
    with pytest.raises(InputError, match="no trec@champion in the registry"):
        registry.resolve("trec@champion")
    ticket = promote("2")
    assert (ticket.state, named()) == ("done", ("2", None))
    assert ticket.tags["left_out"] == "deleted: champion 1"
    assert audit.open_tickets("trec") == []
    with pytest.raises(InputError, match="trec has no previous champion"):
        rollback()


def test_a_rollback_to_a_deleted_version_is_refused(two: Path) -> None:
    promote("1")
    promote("2")
    foreign_changes.dangle(two, "trec", "previous", "1")
    with pytest.raises(InputError, match="trec has no previous champion"):
        promotion.check_rollback("trec")
    assert retention.collect(0, "anna")  # and gc goes on


def test_the_watch_restores_a_champion_whose_alias_dangles(two: Path) -> None:
    promote("1")
    promote("2")
    foreign_changes.dangle(two, "trec", "champion", "2")
    record = watch.reconcile("trec", "flag")
    assert record is not None
    assert (record.tags["intent"], named()[0]) == ("restore", "1")


def test_an_incomplete_move_of_an_older_release_is_completed(two: Path) -> None:
    """Its plan names a `previous` that was deleted: nobody could carry it out."""
    request = Request(model="trec", intent="promote", who="bob", why="x", target="2")
    abandoned = audit.enqueue(request)
    dead_process = f"{abandoned.tags['process'].rsplit(':', 2)[0]}:1:1.00"
    runs.client().delete_model_version("trec", "1")
    audit.write_tags(
        abandoned,
        {"process": dead_process, **AliasChange(champion="2", before="1", previous="1").tags()},
    )
    assert promote("2").state == "done"
    ticket = audit.reload_ticket(abandoned)
    assert (ticket.state, ticket.tags["left_out"]) == ("done", "previous 1: it was deleted")
    assert named() == ("2", None)


def test_a_version_deleted_while_it_is_promoted_moves_nothing(two: Path) -> None:
    promote("1")
    ticket = audit.enqueue(Request(model="trec", intent="promote", who="b", why="x", target="2"))
    planned = audit.write_tags(ticket, AliasChange(champion="2", before="1", previous="1").tags())
    runs.client().delete_model_version("trec", "2")
    with pytest.raises(RefusedError, match="trec/2 was deleted in MLflow before it became"):
        aliases.apply_change(planned)
    assert audit.reload_ticket(ticket).state == "refused"
    assert named() == ("1", None)


@pytest.mark.parametrize("name", ["it's", 'the "best"', "both ' and \"", "a b", "ünï", "back\\"])
def test_a_model_renamed_in_mlflow_is_found(state: Path, tmp_path: Path, name: str) -> None:
    """A model of Coldpress's can be renamed to anything in MLflow."""
    version(tmp_path, gate="passed")
    foreign_changes.register(name.replace("'", "x").replace('"', "y").replace("\\", "z") + "!")
    runs.client().rename_registered_model("trec", name)
    client = runs.client()
    assert [v.name for v in versions.list_versions(client, name)] == [name]
    assert registry.resolve(name).name == name
    assert audit.all_tickets(name) == []
    assert retention.plan_collection(0)[0].name == f"{name}/1"
    point(name, "champion", "1")
    assert watch.list_watched_models() == [name]
    assert watch.reconcile(name, "flag") is not None


def test_files_of_a_purged_model_are_reported_as_missing(two: Path) -> None:
    model = registry.resolve("trec/1")
    foreign_changes.purge(two, str(model.source).removeprefix("models:/"))
    assert not artifacts.is_intact(str(model.source), model.tags["digest"])
    with pytest.raises(CorruptCheckpointError, match=r"trec/1: its files are missing.*was deleted"):
        predict.predictions("trec/1", ["hello"], [])
    assert [files.name for files in retention.plan_collection(0)] == ["trec/2"]


@pytest.mark.parametrize("purged", [True, False])
def test_a_model_that_was_deleted_is_registered_anew(
    two: Path, tmp_path: Path, purged: bool
) -> None:
    """Its version cannot be given other files: the same digest becomes a further version."""
    model = registry.resolve("trec/2")
    source = str(model.source)
    digest = model.tags["digest"]
    model_id = source.removeprefix("models:/")
    with artifacts.open_checkpoint(source) as checkpoint:
        packed = artifacts.package_torch(checkpoint.path, tmp_path / "again")
    if purged:
        foreign_changes.purge(two, model_id)
    else:
        runs.client().delete_logged_model(model_id)
    assert registry.version_with_digest("trec", digest) is None
    run_id = runs.open_run(runs.ensure_experiment("trec"), "export_onnx", {})
    uri = artifacts.log_model(run_id, "trec", packed, "export_onnx")
    tags = {"stage": "export_onnx", "digest": digest, "gate": "passed"}
    assert registry.register("trec", uri, run_id, tags) == "trec/3"
    assert registry.register("trec", uri, run_id, tags) == "trec/3"
    promote("3")
    assert named() == ("3", None)


def test_a_model_that_may_not_be_looked_at_keeps_no_other_from_it(
    two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version(tmp_path, "private", gate="passed")
    for name in ("private", "trec"):
        point(name, "champion", "1")
    read = MlflowClient.get_registered_model

    def refusing(client: MlflowClient, name: str) -> RegisteredModel:
        if name == "private":
            raise MlflowException("no", error_code=PERMISSION_DENIED)
        return read(client, name)

    monkeypatch.setattr(MlflowClient, "get_registered_model", refusing)
    records, failures = watch.reconcile_all(watch.list_watched_models(), "flag")
    assert [record.model for record in records] == ["trec"]
    assert list(failures) == ["private"]
