"""Clients that send requests over kept connections, and classify whatever happens to each."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_RECONNECT_SECONDS = 0.05
Prediction = Mapping[str, Any]


@dataclass
class ClientLog:
    """The outcomes of requests.

    Attributes:
        answers: Right answers by the version that they name.
        wrong: Responses with another status, or a prediction that is not that of the version.
        lost: Requests that were sent and got no response, or a part of one.
        refused: Connections that the service did not accept.
    """

    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    refused: int = 0

    @property
    def failures(self) -> list[str]:
        """Requests that failed, without refused connections."""
        return [*self.wrong, *self.lost]


@dataclass
class _Client:
    port: int
    request: bytes
    expected: Mapping[str, Prediction]
    log: ClientLog
    stop: threading.Event
    pause: float

    async def run(self) -> None:
        while not self.stop.is_set():
            try:
                connection = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                self.log.refused += 1
                await asyncio.sleep(_RECONNECT_SECONDS)
                continue
            await self._use(*connection)

    async def _use(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send requests over a connection until the service or this client closes it."""
        is_open = True
        while is_open and not self.stop.is_set():
            try:
                is_open = await self._ask(reader, writer)
            except (OSError, asyncio.IncompleteReadError) as error:
                self.log.lost.append(repr(error))
                break
            await asyncio.sleep(self.pause)
        writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Send a request, judge the response, and return whether the connection stays open."""
        writer.write(self.request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        self._judge(int(head.split(b" ")[1]), await reader.readexactly(length))
        return b"\r\nconnection: close\r\n" not in head

    def _judge(self, status: int, body: bytes) -> None:
        content = json.loads(body)
        model = content.get("model", "")
        if status == 200 and content["predictions"] == [self.expected.get(model)]:
            self.log.answers[model] += 1
        else:
            self.log.wrong.append(f"{status} {body[:200]!r}")


@contextmanager
def steady_clients(
    port: int, text: str, expected: Mapping[str, Prediction], count: int, pause: float = 0.0
) -> Iterator[ClientLog]:
    """Send requests while the block runs; each client waits for its answer.

    Args:
        port: On this machine.
        text: What every request asks.
        expected: The prediction of each version, by its reference.
        count: Number of clients, each with a connection of its own.
        pause: Seconds between a client's requests.
    """
    body = json.dumps({"text": [text]}).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    request = f"{head}Content-Type: application/json\r\n\r\n".encode() + body
    log = ClientLog()
    stop = threading.Event()
    clients = [_Client(port, request, expected, log, stop, pause) for _ in range(count)]

    async def run() -> None:
        await asyncio.gather(*(client.run() for client in clients))

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    try:
        yield log
    finally:
        stop.set()
        thread.join(60)
