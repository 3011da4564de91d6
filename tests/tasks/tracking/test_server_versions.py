"""Versions that are read from an MLflow server with one request."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from coldpress.errors import InputError
from tasks.tracking.server_versions import ServerVersion, find_version

TAGS = [{"key": "digest", "value": "ab"}, {"key": "gate", "value": "passed"}]
VERSION = {"name": "trec", "version": "3", "source": "models:/m-1", "tags": TAGS}
FOREIGN = {"name": "other", "version": "1", "source": "s3://bucket/model"}
MISSING = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "not found"}
REQUESTS = "/api/2.0/mlflow"


class Registry(BaseHTTPRequestHandler):
    """Responds as MLflow 3.17 does."""

    answers: ClassVar[dict[str, tuple[int, Any]]] = {
        f"{REQUESTS}/registered-models/alias?name=trec&alias=champion": (200, VERSION),
        f"{REQUESTS}/model-versions/get?name=trec&version=3": (200, VERSION),
        f"{REQUESTS}/model-versions/get?name=other&version=1": (200, FOREIGN),
        f"{REQUESTS}/model-versions/get?name=trec&version=4": (404, MISSING),
        f"{REQUESTS}/model-versions/get?name=trec&version=5": (503, {}),
        f"{REQUESTS}/model-versions/get?name=trec&version=6": (200, None),
        f"{REQUESTS}/model-versions/get?name=trec&version=7": (401, {}),
    }

    def do_GET(self) -> None:
        status, content = self.answers[self.path]
        self.server.credentials = self.headers.get("Authorization")  # type: ignore[attr-defined]
        self.send_response(status)
        self.end_headers()
        body = b"<html>" if content is None else json.dumps({"model_version": content}).encode()
        self.wfile.write(json.dumps(content).encode() if status != 200 else body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize("reference", ["trec@champion", "trec/3"])
def test_a_version_has_its_number_and_tags(address: str, reference: str) -> None:
    version = find_version(address, reference)
    assert version == ServerVersion("trec", 3, {"digest": "ab", "gate": "passed"})


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("trec/4", "no trec/4 in the registry"),
        ("other/1", "other/1 was not made by Coldpress"),
        ("trec/7", "MLFLOW_TRACKING_USERNAME: the MLflow server at .* requires a login"),
    ],
)
def test_a_version_that_cannot_be_used_is_named(address: str, reference: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_version(address, reference)


@pytest.mark.parametrize(
    ("reference", "message"),
    [("trec/5", "responds with status 503"), ("trec/6", "answers, but not as an MLflow server")],
)
def test_an_outage_is_not_a_missing_version(address: str, reference: str, message: str) -> None:
    with pytest.raises(ConnectionError, match=message):
        find_version(address, reference)


def test_a_server_that_is_down_is_named() -> None:
    with pytest.raises(ConnectionError, match=r"nothing answers at http://127\.0\.0\.1:9: "):
        find_version("http://127.0.0.1:9", "trec/3")


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({}, None),
        (
            {"MLFLOW_TRACKING_USERNAME": "anna", "MLFLOW_TRACKING_PASSWORD": "secret"},
            "Basic YW5uYTpzZWNyZXQ=",
        ),
        ({"MLFLOW_TRACKING_TOKEN": "secret"}, "Bearer secret"),
    ],
)
def test_credentials_are_those_of_mlflow(
    server: ThreadingHTTPServer,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    header: str | None,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    find_version(address, "trec/3")
    assert server.credentials == header  # type: ignore[attr-defined]
