"""A challenger answers requests again in this process; whatever it does, users get answers."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.onnx.export import export
from coldpress.onnx.predictor import Predictor
from flows.serving import shadow_queue
from flows.serving.application import create_application
from flows.serving.metrics import Metrics
from flows.serving.model_slot import ChallengerSlot, ModelSlot, load_folder
from flows.serving.shadow import Shadow
from flows.serving.shadow_metrics import ShadowMetrics
from flows.serving.shadow_start import check_options


@pytest.fixture
def shadow(metrics: Metrics, other_folder: Path) -> Shadow:
    """Version 2 answers all requests again."""
    challenger = load_folder(other_folder, "trec", 2, "passed")
    return Shadow(ChallengerSlot(challenger), 1.0, ShadowMetrics(metrics.registry))


@pytest.fixture
def client(slot: ModelSlot, metrics: Metrics, shadow: Shadow) -> TestClient:
    return TestClient(create_application(slot, metrics, shadow=shadow))


def ask(client: TestClient, *texts: str) -> None:
    assert client.post("/predict", json={"text": texts}).status_code == 200


@contextmanager
def running(shadow: Shadow) -> Iterator[None]:
    """Compare all that waits, and end."""
    stop = threading.Event()
    thread = threading.Thread(target=shadow.run, args=(stop,))
    thread.start()
    yield
    while len(shadow._queue):
        stop.wait(0.01)
    stop.set()
    thread.join()


def test_the_agreement_is_that_of_the_predictors_run_separately(
    client: TestClient, shadow: Shadow, folder: Path, other_folder: Path, split: Split
) -> None:
    first, second = (Predictor(place).predict(split.texts) for place in (folder, other_folder))
    equal = sum(a["label"] == b["label"] for a, b in zip(first, second, strict=True))
    assert equal == 8
    with running(shadow):
        ask(client, *split.texts[:11])
        ask(client, split.texts[11])
    record = shadow.record
    assert record is not None
    assert (record.champion, record.challenger, record.share) == ("trec/1", "trec/2", 1.0)
    metrics = dict(record.metrics)
    assert metrics["champion_p50_ms"] == metrics["champion_p99_ms"] > 0  # of the single text
    assert metrics["challenger_p50_ms"] > 0
    expected = {"requests": 2, "texts": 12, "failed": 0, "dropped": 0}
    assert {name: metrics[name] for name in expected} == expected
    assert metrics["agreement"] == equal / 12
    described = client.get("/model").json()["shadow"]
    assert described["compared_with"] == "trec/1"
    assert (described["model"], described["metrics"]) == ("trec/2", metrics)
    assert client.get("/ready").json() == {
        "model": "trec/1",
        "problem": None,
        "shadow": {"model": "trec/2", "problem": None},
    }


def test_a_challenger_that_fails_is_counted_and_users_get_answers(
    client: TestClient,
    shadow: Shadow,
    tmp_path: Path,
    tiny_checkpoint: Checkpoint,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("coldpress.serving"), "propagate", True)
    with new_checkpoint(tmp_path / "pairs", Manifest(stage="export_onnx")) as directory:
        export(tiny_checkpoint, directory, 17, {"pairs": "true"})
    shadow.slot.model = load_folder(tmp_path / "pairs", "trec", 3)
    with running(shadow):
        ask(client, "cold")
        ask(client, "cold")
    assert shadow.record is not None
    assert shadow.record.metrics["failed"] == 2
    assert "agreement" not in shadow.record.metrics
    # Once, and without the message: those of libraries may contain texts.
    assert [record.getMessage() for record in caplog.records] == ["trec/3 fails: ValueError"]


def test_requests_beyond_the_queue_are_dropped_and_counted(
    client: TestClient, shadow: Shadow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow_queue, "MAX_WAITING", 2)
    for _ in range(5):
        ask(client, "cold")
    with running(shadow):
        pass
    assert shadow.record is not None
    assert (shadow.record.metrics["requests"], shadow.metrics.dropped._value.get()) == (2, 3)


def test_large_answers_fill_the_queue(
    client: TestClient, shadow: Shadow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow_queue, "MAX_WAITING_BYTES", 50)
    for _ in range(3):
        ask(client, "cold")
    assert len(shadow._queue) == 1
    assert shadow.metrics.dropped._value.get() == 2


def test_another_pair_of_models_begins_another_record(
    client: TestClient, shadow: Shadow, slot: ModelSlot
) -> None:
    with running(shadow):
        ask(client, "cold")
    shadow.slot.model = dataclasses.replace(slot.model, version=3, digest="0" * 64)
    with running(shadow):
        ask(client, "cold")
        ask(client, "olive")
    assert [record.challenger for record in shadow.finished] == ["trec/2"]
    assert shadow.finished[0].metrics["requests"] == 1
    assert shadow.record is not None
    assert (shadow.record.challenger, shadow.record.metrics["requests"]) == ("trec/3", 2)
    assert shadow.record.metrics["agreement"] == 1  # it has the champion's weights


def test_a_promoted_challenger_is_not_compared_with_itself(
    client: TestClient, slot: ModelSlot, shadow: Shadow
) -> None:
    assert shadow.slot.model is not None
    slot.model = shadow.slot.model
    with running(shadow):
        ask(client, "cold")
    assert shadow.record is None


def test_the_share_of_the_requests_is_selected(shadow: Shadow) -> None:
    shadow.share = 0.1
    shadow._random.seed(0)
    assert 80 < sum(shadow.selects() for _ in range(1000)) < 120
    shadow.slot.model = None
    assert not shadow.selects()


@pytest.mark.parametrize(
    ("model", "shadow", "share", "message"),
    [
        ("trec@champion", None, 0.1, "--share: needs --shadow"),
        ("trec@champion", "trec@challenger", 0.0, "--share: 0 is not greater than 0 and at most 1"),
        ("trec@champion", "trec@challenger", 1.5, "--share: 1.5 is not"),
        ("trec@champion", "trec@challenger", float("nan"), "--share: nan is not"),
        ("trec@champion", "trec", None, "--shadow: 'trec' is neither an alias nor a version of"),
        ("trec@champion", "./folder", None, "--shadow: './folder' is neither"),
        ("trec@champion", "other@challenger", None, "such as trec@challenger"),
        ("trec@champion", "trec@champion", None, "--shadow: trec@champion is what is served"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    model: str, shadow: str | None, share: float | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_options(model, shadow, share)


def test_a_tenth_is_the_default() -> None:
    assert check_options("trec@champion", "trec@challenger", None) == 0.1
