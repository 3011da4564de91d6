"""A service follows its alias in an embedded registry, and survives whatever is wrong there."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest

from coldpress.errors import CorruptCheckpointError, InputError
from coldpress.model.checkpoint import Checkpoint
from flows.serving import registry
from flows.serving.alias_watch import AliasWatch
from flows.serving.metrics import Metrics
from flows.serving.model_slot import ModelSlot, ServedModel, answer
from tasks.tracking import embedded_versions, runs
from tests.support.exported_versions import export_version, set_champion

load = partial(registry.load_version, stop=threading.Event())


@pytest.fixture
def slot(state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint) -> ModelSlot:
    """Version 1 of two; it is the champion."""
    for _ in range(2):
        export_version(tmp_path, tiny_checkpoint)
    set_champion(1)
    return ModelSlot(load(registry.find_version("trec@champion")))


@pytest.fixture
def watch(slot: ModelSlot, metrics: Metrics) -> AliasWatch[registry.Version]:
    """Version 1 is in use."""
    find = registry.version_finder("trec@champion", registry.find_version("trec@champion"))
    return AliasWatch(slot, metrics.alias, find, load)


def alter_version(number: int) -> Path:
    version = embedded_versions.find_version(f"trec/{number}")
    assert version is not None
    model = next(version.directory.rglob("model.onnx"))
    model.write_bytes(model.read_bytes() + b" ")
    return model


def in_use(watch: AliasWatch[registry.Version]) -> ServedModel:
    assert watch.slot.model is not None
    return watch.slot.model


def test_promotion_and_rollback_exchange_the_model(
    watch: AliasWatch[registry.Version], metrics: Metrics
) -> None:
    for number in (1, 2, 1):
        set_champion(number)
        watch.check()
        model = in_use(watch)
        assert (model.reference, model.verdict) == (f"trec/{number}", "passed")
        assert f'-{number}"'.encode() in answer(model, ["cold"], None).content
        assert watch.slot.problem is None
    assert b"coldpress_swaps_total 2.0" in metrics.exposition()


def test_the_version_in_use_stays_while_another_cannot_be_loaded(
    watch: AliasWatch[registry.Version], metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = alter_version(2)
    set_champion(2)
    watch.check()
    assert in_use(watch).reference == "trec/1"
    assert watch.slot.problem is not None
    assert watch.slot.problem.startswith("trec/2: its files are missing or were changed; ")
    assert b"coldpress_problem 1.0" in metrics.exposition()
    model.write_bytes(model.read_bytes()[:-1])
    watch.check()  # it is not tried again at once
    assert in_use(watch).reference == "trec/1"
    monkeypatch.setattr("time.monotonic", lambda: float("inf"))
    watch.check()
    assert in_use(watch).reference == "trec/2"
    assert not watch.slot.problem


def test_a_champion_that_is_put_back_ends_the_problem(
    watch: AliasWatch[registry.Version],
) -> None:
    alter_version(2)
    set_champion(2)
    watch.check()
    set_champion(1)
    watch.check()
    assert (in_use(watch).reference, watch.slot.problem) == ("trec/1", None)


def test_a_missing_alias_or_registry_is_a_problem_until_it_returns(
    watch: AliasWatch[registry.Version], state: Path
) -> None:
    runs.client().delete_registered_model_alias("trec", "champion")
    watch.check()
    missing = "model: no trec@champion in the registry, or it cannot be read"
    assert (in_use(watch).reference, watch.slot.problem) == ("trec/1", missing)
    set_champion(2)
    (state / "mlflow.db").rename(state / "moved")
    watch.check()
    assert (in_use(watch).reference, watch.slot.problem) == ("trec/1", missing)
    (state / "moved").rename(state / "mlflow.db")
    watch.check()
    assert in_use(watch).reference == "trec/2"
    assert not watch.slot.problem


def test_a_digest_other_than_the_registered_one_is_refused(
    watch: AliasWatch[registry.Version],
) -> None:
    runs.client().set_model_version_tag("trec", "2", "digest", "0" * 64)
    with pytest.raises(CorruptCheckpointError, match="registered as 0000"):
        load(registry.find_version("trec/2"))


@pytest.mark.parametrize("reference", ["trec", "trec@", "trec/"])
def test_a_reference_names_an_alias_or_a_version(reference: str) -> None:
    """The latest version may have failed its gate."""
    with pytest.raises(InputError, match="serve needs an alias or a version"):
        registry.find_version(reference)
