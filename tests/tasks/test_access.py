from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from coldpress.errors import InputError
from tasks import access


@pytest.fixture
def closed() -> str:
    """An address that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


class Refusing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(401)

    def do_POST(self) -> None:
        self.send_error(401)


@pytest.fixture
def refusing() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_where_nothing_answers_one_line_says_so_soon(
    closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "PATIENCE", 0.1)
    with pytest.raises(InputError, match=f"^MLFLOW_TRACKING_URI: nothing answers at {closed}$"):
        access.check_mlflow(closed)


def test_a_server_that_asks_who_one_is_is_told_apart(
    refusing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", refusing)
    with pytest.raises(InputError, match=r"^MLFLOW_TRACKING_USERNAME: .* asks who you are"):
        access.check_mlflow(refusing)


def test_a_file_is_no_server() -> None:
    access.check_mlflow("sqlite:///x.db")


@pytest.mark.parametrize(
    ("address", "held"),
    [
        ("http://a:b@mlflow.example", True),
        ("http://token@mlflow.example", True),
        ("https://mlflow.example", False),
        ("sqlite:////home/a@b/mlflow.db", False),
        ("postgresql://a@database/mlflow", False),
        ("postgresql://a:b@database/mlflow", True),
    ],
)
def test_credentials_in_an_address_are_seen(address: str, held: bool) -> None:
    assert access.holds_credentials(address) is held
