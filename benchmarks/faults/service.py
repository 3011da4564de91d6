"""The process of `coldpress serve`, raw requests to it, and clients that never pause."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_SECONDS = 240.0
ANSWER_SECONDS = 30.0
"""Longer than any response may take."""


@dataclass(frozen=True)
class Service:
    """A running service.

    Attributes:
        process: Its process.
        port: On this machine.
        log: Its standard error.
        token: The bearer token; empty if it needs none.
    """

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    token: str

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON at a path."""
        header = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=header)
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:
            return json.load(response)

    def wait_until(self, holds: Callable[[Any], bool], seconds: float) -> float:
        """Read /ready until a condition holds.

        Args:
            holds: The condition on its content.
            seconds: How long to wait.

        Returns:
            Seconds that it took.

        Raises:
            TimeoutError: The condition does not hold in time.
        """
        began = time.monotonic()
        while not holds(ready := self.get("/ready")):
            if time.monotonic() > began + seconds:
                raise TimeoutError(f"/ready is still {ready}")
            time.sleep(0.1)
        return time.monotonic() - began

    def end(self) -> tuple[int, float]:
        """Send SIGTERM, and return the exit code and the seconds until the end."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        return code, time.monotonic() - began


@dataclass(frozen=True)
class Response:
    """The response to a raw request.

    Attributes:
        status: None if the connection was closed without a response, 0 if nothing came in time.
        body: Decoded, if it was chunked.
    """

    status: int | None
    body: bytes


@contextmanager
def serving(
    model: str, environment: Mapping[str, str], log: Path, token: str = ""
) -> Iterator[Service]:
    """Run the command while the block runs.

    Args:
        model: Reference, or folder.
        environment: Variables of the process.
        log: File for its standard error.
        token: The bearer token that requests need; empty for none.

    Raises:
        RuntimeError: The service does not start.
    """
    command = [sys.executable, "-m", "flows.cli", "serve", model, "--port", "0"]
    variables = {**environment, "COLDPRESS_SERVE_TOKEN": token}
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=variables, stdout=file, stderr=file)
    try:
        yield Service(process, _announced_port(process, log), log, token)
    finally:
        process.kill()
        process.wait()


def _announced_port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if port := re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text()):
            return int(port[1])
        time.sleep(0.02)
    raise RuntimeError(log.read_text())


def ask(port: int, data: bytes, ends: bool = False, has_body: bool = True) -> Response:
    """Send bytes over a connection of their own, and read one response.

    Args:
        port: On this machine.
        data: A request, or what a client sent instead of one.
        ends: Whether to end this side of the connection after the bytes.
        has_body: False for the response to HEAD.
    """
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as connection:
        with suppress(ConnectionError):  # the service may refuse before it has read all
            connection.sendall(data)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        return receive(connection, has_body)


def receive(connection: socket.socket, has_body: bool = True) -> Response:
    """Read one response.

    Args:
        connection: Over which a request was sent.
        has_body: False for the response to HEAD.
    """
    received = b""
    try:
        while not _is_complete(received, has_body) and (chunk := connection.recv(65536)):
            received += chunk
    except ConnectionError:  # of data that the service did not read
        pass
    except TimeoutError:
        return Response(0, received)
    return _parse(received)


def _is_complete(received: bytes, has_body: bool) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head.lower())
    return bool(end and length and (not has_body or len(body) >= int(length[1])))


def _parse(received: bytes) -> Response:
    if not received:
        return Response(None, b"")
    head, _, body = received.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        body = b"".join(body.split(b"\r\n")[1::2])  # bodies of one line
    return Response(int(head.split(b" ")[1]), body)
