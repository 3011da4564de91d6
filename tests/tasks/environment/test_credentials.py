from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from coldpress.errors import InputError
from tasks.environment import credentials


@pytest.fixture
def closed() -> str:
    """An address without a server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


class Refusing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(401)

    def do_POST(self) -> None:
        self.send_error(401)


class Unrelated(BaseHTTPRequestHandler):
    """A server of another program."""

    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        self.send_error(404)


@pytest.fixture
def unrelated() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Unrelated)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def refusing() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_unreachable_server_is_reported_soon(
    closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "CONNECT_TIMEOUT", 0.1)
    with pytest.raises(InputError, match=f"^MLFLOW_TRACKING_URI: nothing answers at {closed}$"):
        credentials.check_mlflow(closed)


def test_a_server_that_requires_a_login_is_distinguished(
    refusing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", refusing)
    with pytest.raises(InputError, match=r"^MLFLOW_TRACKING_USERNAME: .* requires a login"):
        credentials.check_mlflow(refusing)


def test_a_database_file_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening it would create it."""
    monkeypatch.chdir(tmp_path)
    credentials.check_mlflow("sqlite:///x.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://a:b@mlflow.example", True),
        ("http://token@mlflow.example", True),
        ("https://mlflow.example", False),
        ("sqlite:////home/a@b/mlflow.db", False),
        ("postgresql://a@database/mlflow", False),
        ("postgresql://a:b@database/mlflow", True),
    ],
)
def test_credentials_in_an_address_are_detected(address: str, expected: bool) -> None:
    assert credentials.has_credentials(address) is expected


def test_a_server_of_another_program_is_reported_in_one_line(
    unrelated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=f"^MLFLOW_TRACKING_URI: {unrelated} answers, but not as"):
        credentials.check_mlflow(unrelated)
    monkeypatch.setenv("PREFECT_API_URL", unrelated)
    with (
        temporary_settings({PREFECT_API_URL: unrelated}),
        pytest.raises(InputError, match=r"answers, but not as Prefect; does it end in /api\?$"),
    ):
        credentials.check_prefect()


def test_a_port_that_does_not_speak_http_is_reported_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        thread = threading.Thread(target=lambda: greet(server))
        thread.start()
        with pytest.raises(InputError, match=f"^MLFLOW_TRACKING_URI: {address} answers, but not"):
            credentials.check_mlflow(address)
        thread.join()


def greet(server: socket.socket) -> None:
    connection, _ = server.accept()
    connection.recv(1000)
    connection.sendall(b"220 mail.example ready\r\n")
    connection.close()


def test_an_unreachable_prefect_server_is_reported_in_one_line(
    closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", closed)
    with (
        temporary_settings({PREFECT_API_URL: closed}),
        pytest.raises(InputError, match=f"^PREFECT_API_URL: {closed} cannot be reached: "),
    ):
        credentials.check_prefect()


class Versioned(BaseHTTPRequestHandler):
    """A server that reports its version and has no experiments."""

    version = b"2.22.0"

    def do_GET(self) -> None:
        self.answer(self.version if self.path == "/version" else b"")

    def do_POST(self) -> None:
        self.answer(b"{}")

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)


@pytest.mark.parametrize(("version", "is_refused"), [("2.22.0", True), ("3.17.2", False)])
def test_a_server_that_is_too_old_is_refused(version: str, is_refused: bool) -> None:
    handler = type("Handler", (Versioned,), {"version": version.encode()})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever).start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        if is_refused:
            with pytest.raises(InputError, match=r"is MLflow 2\.22\.0; version 3 or newer is need"):
                credentials.check_mlflow(address)
        else:
            credentials.check_mlflow(address)
    finally:
        server.shutdown()
        server.server_close()
