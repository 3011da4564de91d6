"""The receiver of MLflow's webhooks: by itself, and between a real MLflow and a real Prefect."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent

from tests.support import prefect_server

SECRET = "between the two of us"
DEPLOY = """
from flows.watch_registry import watch_registry
watch_registry.to_deployment("watch-registry").apply()
"""


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setenv("COLDPRESS_WEBHOOK_SECRET", SECRET)
    from flows.webhook import receiver

    return TestClient(receiver)


def headers_for(body: str, secret: str = SECRET, age: int = 0) -> dict[str, str]:
    """Headers as the Standard Webhooks convention makes them."""
    timestamp = str(int(time.time()) - age)
    digest = hmac.new(secret.encode(), f"7.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {
        "X-MLflow-Delivery-Id": "7",
        "X-MLflow-Timestamp": timestamp,
        "X-MLflow-Signature": signature,
    }


def event(alias: str = "champion") -> str:
    return json.dumps({"data": {"name": "trec", "alias": alias, "version": "2"}})


def test_an_event_without_a_valid_signature_is_refused(receiver: TestClient) -> None:
    forged = headers_for(event(), secret="guessed")
    assert receiver.post("/", content=event(), headers=forged).status_code == 401
    # A signature is of one body alone.
    assert receiver.post("/", content=event("x"), headers=headers_for(event())).status_code == 401
    assert receiver.post("/", content=event()).status_code == 422


def test_an_old_event_is_refused(receiver: TestClient) -> None:
    late = headers_for(event("x"), age=301)
    assert receiver.post("/", content=event("x"), headers=late).status_code == 401


def test_other_aliases_and_events_order_no_look(receiver: TestClient) -> None:
    assert (
        receiver.post("/", content=event("x"), headers=headers_for(event("x"))).status_code == 204
    )
    no_alias = json.dumps({"data": {"name": "trec"}})
    assert receiver.post("/", content=no_alias, headers=headers_for(no_alias)).status_code == 422


@contextmanager
def serving(port: int, path: str, *module: str, also: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", *module], env={**os.environ, **also})
    try:
        until(lambda: httpx.get(f"http://127.0.0.1:{port}{path}").status_code < 500)
        yield
    finally:
        process.terminate()
        process.wait(30)


def until(holds: Callable[[], object], seconds: int = 120) -> None:
    end = time.monotonic() + seconds
    problem: Exception | None = None
    while time.monotonic() < end:
        try:
            if holds():
                return
            problem = None
        except httpx.HTTPError as error:
            problem = error
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s, in the end: {problem!r}") from problem


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def test_a_champion_moved_in_mlflow_is_looked_at_at_once(tmp_path: Path) -> None:
    mlflow = free_port()
    hook = free_port()
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    # Only so will MLflow call an address of this machine.
    loopback = {
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    }
    server = ("mlflow", "server", "--port", str(mlflow), "--backend-store-uri", store)
    with ExitStack() as started:
        prefect = started.enter_context(prefect_server.running(tmp_path))
        subprocess.run([sys.executable, "-c", DEPLOY], env=prefect.environment, check=True)
        started.enter_context(serving(mlflow, "/health", *server, "--workers", "1", also=loopback))
        environment = {**prefect.environment, "COLDPRESS_WEBHOOK_SECRET": SECRET}
        receiving = ("uvicorn", "flows.webhook:receiver", "--port", str(hook))
        started.enter_context(serving(hook, "/", *receiving, also=environment))
        registry = MlflowClient(f"http://127.0.0.1:{mlflow}")
        set_alias = WebhookEvent(WebhookEntity.MODEL_VERSION_ALIAS, WebhookAction.CREATED)
        registry.create_webhook("watch", f"http://127.0.0.1:{hook}/", [set_alias], secret=SECRET)
        registry.create_registered_model("trec")
        registry.create_model_version("trec", "s3://elsewhere/trec")
        registry.set_registered_model_alias("trec", "champion", "1")
        until(lambda: prefect.answer("POST", "flow_runs/filter", {}))
        (run,) = prefect.answer("POST", "flow_runs/filter", {})
    assert run["parameters"] == {"models": ["trec"]}
