"""Routes of the service: answers, refusals in one line, and what they show of the model."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from coldpress.onnx.predictor import Predictor
from flows.serving import limits
from flows.serving.application import create_application
from flows.serving.limits import MAX_BYTES, RequestLimit
from flows.serving.metrics import Metrics
from flows.serving.model_slot import ModelSlot

TEXTS = ["cold press", "olive"]
INVALID = [
    (b"{", "the body is not valid JSON: "),
    (b"\xff", "the body is not valid JSON: "),
    (b"[" * 100_000, "the body is not valid JSON: "),
    (b'["cold"]', "the body must be an object such as "),
    (b'{"texts": ["cold"]}', "unknown field 'texts'; there are text and text_pair"),
    (b'{"te\\nxt": 1}', "unknown field 'te\\nxt'; "),
    (b"{}", "no field text"),
    (b'{"text": "cold"}', "text must be a list of texts"),
    (b'{"text": []}', "no texts"),
    (b'{"text": ["cold", null]}', "text[1] is null"),
    (b'{"text": ["cold", 1]}', "text[1] is int, not text"),
    (b'{"text": ["\\ud800"]}', "text[0] contains a lone surrogate"),
    (b'{"text": ["cold"], "text_pair": ["a"]}', "this model answers single texts"),
    (b'{"text": [' + b'"a",' * 512 + b'"a"]}', "513 texts; a request may have 512"),
    (b'{"text": ["' + b"a" * 100_001 + b'"]}', "text[0] has more than 100000 characters"),
]


@pytest.fixture
def client(slot: ModelSlot, metrics: Metrics) -> TestClient:
    return TestClient(create_application(slot, metrics))


def test_predictions_are_those_of_the_predictor_and_name_their_version(
    client: TestClient, folder: Path
) -> None:
    response = client.post("/predict", json={"text": TEXTS})
    assert response.json() == {"model": "trec/1", "predictions": Predictor(folder).predict(TEXTS)}
    assert response.headers["Coldpress-Model"] == "trec/1"


@pytest.mark.parametrize(("body", "message"), INVALID, ids=[message for _, message in INVALID])
def test_an_invalid_body_is_refused_with_one_line(
    client: TestClient, body: bytes, message: str
) -> None:
    response = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"].startswith(message)
    assert "\n" not in response.json()["error"]


@pytest.mark.parametrize("announced", [True, False])
def test_a_large_body_is_refused(client: TestClient, announced: bool) -> None:
    chunks = [b" " * 2**20] * (MAX_BYTES // 2**20) + [b" "]
    content: Any = b"".join(chunks) if announced else iter(chunks)
    response = client.post(
        "/predict", content=content, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 413
    assert response.json() == {"error": "the body has more than 8388608 bytes"}


async def _call(application: ASGIApp, receive: Any) -> list[Any]:  # noqa: ANN401 - of ASGI
    """Send a request whose body comes from `receive`, and return the messages of its response."""
    scope = {"type": "http", "method": "POST", "path": "/predict", "query_string": b""}
    messages: list[Any] = []

    async def send(message: Any) -> None:  # noqa: ANN401
        messages.append(message)

    await application({**scope, "headers": [(b"content-type", b"application/json")]}, receive, send)
    return messages


def test_a_body_that_never_ends_does_not_use_up_a_request(
    slot: ModelSlot, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.2)
    limit = RequestLimit(1)
    application = create_application(slot, metrics, limit=limit)

    async def receive() -> Any:  # noqa: ANN401
        await asyncio.Event().wait()

    start, body = asyncio.run(asyncio.wait_for(_call(application, receive), 10))
    assert (start["status"], dict(start["headers"])[b"connection"]) == (408, b"close")
    assert json.loads(body["body"]) == {"error": "the body was not complete after 0.2 seconds"}
    assert TestClient(application).post("/predict", json={"text": TEXTS}).status_code == 200


def test_a_request_that_the_service_cannot_finish_is_refused_with_one_line(
    slot: ModelSlot, metrics: Metrics
) -> None:
    """uvicorn cancels it when the time for running requests is over."""

    async def cancel() -> list[Any]:
        is_reading = asyncio.Event()

        async def receive() -> Any:  # noqa: ANN401
            is_reading.set()
            await asyncio.Event().wait()

        request = asyncio.create_task(_call(create_application(slot, metrics), receive))
        await is_reading.wait()
        request.cancel()
        return await request

    start, body = asyncio.run(cancel())
    assert start["status"] == 503
    assert json.loads(body["body"]) == {"error": "the service ends; send the request again"}


def test_pages_of_other_sites_cannot_send_texts(client: TestClient) -> None:
    """A browser sends `text/plain` to any address without asking it."""
    response = client.post("/predict", content='{"text": ["cold"]}')
    assert response.status_code == 415


def test_too_many_requests_are_refused_until_others_end(slot: ModelSlot, metrics: Metrics) -> None:
    limit = RequestLimit(1)
    client = TestClient(create_application(slot, metrics, limit=limit))
    with limit.admit():
        response = client.post("/predict", json={"text": TEXTS})
        assert client.get("/health").json() == {"status": "ok"}
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    assert client.post("/predict", json={"text": TEXTS}).status_code == 200


def test_a_request_finishes_on_the_version_that_it_started_with(
    slot: ModelSlot, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = threading.Event()
    proceed = threading.Event()
    predict = slot.model.predictor.predict

    def slow(texts: list[str], pairs: list[str] | None = None) -> list[dict[str, Any]]:
        started.set()
        proceed.wait(10)
        return predict(texts, pairs)

    monkeypatch.setattr(slot.model.predictor, "predict", slow)
    client = TestClient(create_application(slot, metrics))
    responses = []
    request = threading.Thread(
        target=lambda: responses.append(client.post("/predict", json={"text": TEXTS}))
    )
    request.start()
    assert started.wait(10)
    slot.model = dataclasses.replace(slot.model, version=2)
    proceed.set()
    request.join()
    assert responses[0].json()["model"] == responses[0].headers["Coldpress-Model"] == "trec/1"
    assert client.post("/predict", json={"text": TEXTS}).json()["model"] == "trec/2"


def test_a_token_is_needed_by_all_but_the_checks_of_health(
    slot: ModelSlot, metrics: Metrics
) -> None:
    client = TestClient(create_application(slot, metrics, token="secret-token"))
    for path in ("/model", "/metrics", "/docs", "/openapi.json"):
        assert client.get(path).status_code == 401
    for header in ("Bearer wrong", "Basic secret-token", "secret-token", "Bearer ünicode"):
        value = header.encode("latin-1")
        response = client.post("/predict", json={"text": TEXTS}, headers={b"Authorization": value})
        assert response.status_code == 401
        assert "secret" not in response.text
    assert client.get("/health").status_code == client.get("/ready").status_code == 200
    right = client.get("/model", headers={"Authorization": "Bearer secret-token"})
    assert right.status_code == 200


def test_the_model_in_use_is_described(client: TestClient, slot: ModelSlot) -> None:
    assert client.get("/model").json() == {
        "model": "trec/1",
        "name": "trec",
        "version": 1,
        "digest": slot.model.digest,
        "verdict": "passed",
        "since": slot.model.since,
        "kind": "text-classification",
        "pairs": False,
    }


def test_readiness_reports_a_problem_and_the_old_version_answers(
    client: TestClient, slot: ModelSlot
) -> None:
    assert client.get("/ready").json() == {"model": "trec/1", "problem": None}
    slot.problem = "trec/2: its files are missing"
    response = client.get("/ready")
    assert response.json() == {"model": "trec/1", "problem": "trec/2: its files are missing"}
    assert response.status_code == 200


def test_metrics_count_requests_texts_and_refusals(client: TestClient) -> None:
    client.post("/predict", json={"text": TEXTS})
    client.post("/predict", json={"text": []})
    lines = client.get("/metrics").text.splitlines()
    for line in (
        'coldpress_requests_total{model="trec/1"} 1.0',
        'coldpress_texts_total{model="trec/1"} 2.0',
        'coldpress_rejections_total{status="400"} 1.0',
        "coldpress_request_seconds_count 1.0",
        "coldpress_swaps_total 0.0",
        "coldpress_problem 0.0",
    ):
        assert line in lines
    assert any(line.startswith("coldpress_model{") and 'version="1"' in line for line in lines)


def test_unknown_paths_and_methods_are_refused_with_one_line(client: TestClient) -> None:
    assert (client.get("/other").status_code, client.get("/predict").status_code) == (404, 405)
    assert client.get("/other").json() == {"error": "Not Found"}
    response = client.post("/predict/", json={"text": TEXTS}, follow_redirects=False)
    assert (response.status_code, response.json()) == (404, {"error": "Not Found"})


def test_the_page_of_the_interface_loads_nothing_from_other_hosts(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "POST /predict" in page
    assert "http" not in page.replace("HTTP", "")
    operation = client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    assert operation["summary"] == "Predict for texts or pairs of texts."
    statuses = ["200", "400", "401", "403", "408", "413", "415", "429", "503"]
    assert sorted(operation["responses"]) == statuses
