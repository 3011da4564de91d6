"""Faults around the real process: of its registry server, its next version and its clients."""

from __future__ import annotations

import http.client
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults import malformed_requests
from faults.registry_server import RegistryServer, registry_server
from faults.request_trials import TOKEN, request_faults
from faults.service import Service, ask, serving
from faults.steady_clients import ClientLog, steady_clients

from coldpress.model.checkpoint import Checkpoint
from coldpress.onnx.predictor import Predictor
from flows.serving.server import CLOSING_SECONDS, DRAIN_SECONDS
from tests.support.exported_versions import export_version, set_champion

TEXT = "cold press"
SECONDS = 120.0


def predictions(folder: Path) -> dict[str, Any]:
    """Of both versions, from the folders that they were registered from."""
    paths = sorted(folder.glob("exported-*/checkpoint"), key=lambda path: path.stat().st_mtime)
    return {f"trec/{n}": Predictor(path).predict([TEXT])[0] for n, path in enumerate(paths, 1)}


@pytest.fixture
def expected(state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint) -> dict[str, Any]:
    """Two versions in an embedded registry, of which the first is the champion."""
    for _ in range(2):
        export_version(tmp_path, tiny_checkpoint)
    set_champion(1)
    return predictions(tmp_path)


@pytest.fixture
def registry(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RegistryServer]:
    """The same on a server."""
    with registry_server(tmp_path / "registry") as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
        for _ in range(2):
            export_version(tmp_path, tiny_checkpoint)
        set_champion(1)
        yield server


def wait_for_answers(log: ClientLog, version: str) -> None:
    """Wait until ten requests more were answered by a version."""
    count = log.answers[version] + 10
    deadline = time.monotonic() + SECONDS
    while log.answers[version] < count:
        assert time.monotonic() < deadline, log
        time.sleep(0.01)


def test_a_registry_server_that_is_away_and_an_altered_champion_disturb_no_request(
    registry: RegistryServer, tmp_path: Path
) -> None:
    with (
        serving("trec@champion", os.environ, tmp_path / "log") as service,
        steady_clients(service.port, TEXT, predictions(tmp_path), 2, 0.01) as log,
    ):
        registry.stop()
        service.wait_until(lambda ready: ready["problem"], SECONDS)
        problem = f"nothing answers at {registry.address}: "
        assert str(service.get("/ready")["problem"]).startswith(problem)
        wait_for_answers(log, "trec/1")
        registry.start()
        set_champion(2)
        service.wait_until(lambda ready: ready["model"] == "trec/2", SECONDS)
        wait_for_answers(log, "trec/2")
        assert service.get("/ready")["problem"] is None
        roll_back_to_an_altered_version(registry, service, log)
    assert log.failures == []


def roll_back_to_an_altered_version(
    registry: RegistryServer, service: Service, log: ClientLog
) -> None:
    model = min(registry.folder.rglob("model.onnx"), key=lambda path: path.stat().st_mtime)
    content = model.read_bytes()
    model.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    set_champion(1)
    service.wait_until(lambda ready: ready["problem"], SECONDS)
    ready = service.get("/ready")
    assert ready["model"] == "trec/2"
    assert str(ready["problem"]).startswith("trec/1: its files are missing or were changed; ")
    wait_for_answers(log, "trec/2")
    model.write_bytes(content)
    service.wait_until(lambda ready: ready["model"] == "trec/1", SECONDS)
    wait_for_answers(log, "trec/1")


def test_sigterm_loses_no_request_of_kept_connections(
    expected: dict[str, Any], tmp_path: Path
) -> None:
    """A server that closes idle connections at once loses requests that are on their way."""
    with (
        serving("trec/1", os.environ, tmp_path / "log") as service,
        steady_clients(service.port, TEXT, expected, 20) as log,
    ):
        wait_for_answers(log, "trec/1")
        code, _ = service.end()
        while not log.refused:
            time.sleep(0.01)
    assert code == 0
    assert log.failures == []
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_an_idle_connection_is_closed_after_a_moment(
    expected: dict[str, Any], tmp_path: Path
) -> None:
    with serving("trec/1", os.environ, tmp_path / "log") as service:
        idle = http.client.HTTPConnection("127.0.0.1", service.port, timeout=SECONDS)
        idle.request("GET", "/health")
        response = idle.getresponse()
        assert (response.status, response.read()) == (200, b'{"status": "ok"}')
        code, seconds = service.end()
        assert idle.sock.recv(1) == b""
        idle.close()
    assert code == 0
    assert CLOSING_SECONDS <= seconds < DRAIN_SECONDS


def test_malformed_requests_get_one_line_and_their_status(
    expected: dict[str, Any], tmp_path: Path
) -> None:
    requests = malformed_requests.requests(TOKEN, pairs=False)
    assert len(requests) >= 200
    with serving("trec/1", os.environ, tmp_path / "log", TOKEN) as service:
        assert [fault for request in requests for fault in request_faults(service, request)] == []


def test_a_header_without_an_end_is_refused_when_it_is_too_long(
    expected: dict[str, Any], tmp_path: Path
) -> None:
    """Otherwise a client could fill the memory of the service."""
    with (
        serving("trec/1", os.environ, tmp_path / "log", TOKEN) as service,
        socket.create_connection(("127.0.0.1", service.port), timeout=SECONDS) as connection,
    ):
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 2**16)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_a_request_that_is_right_but_for_its_status_is_found(
    expected: dict[str, Any], tmp_path: Path
) -> None:
    """The test before would not pass if it could find no fault."""
    right = malformed_requests.MalformedRequest(
        "none", b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 404
    )
    with serving("trec/1", os.environ, tmp_path / "log", TOKEN) as service:
        assert ask(service.port, right.data).status == 200
        (fault,) = request_faults(service, right)
    assert "200" in fault
