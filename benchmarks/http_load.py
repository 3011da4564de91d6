"""Clients that send requests over connections of their own, and check each answer."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_START_TIMEOUT = 120.0

Expected = Mapping[str, list[Any]]
"""Prediction of each request's text, by the reference of the version."""


@dataclass(frozen=True)
class Plan:
    """How many clients send requests, for how long.

    Attributes:
        clients: Each sends its next request when it has the answer to the last.
        seconds: Duration.
        pause: Seconds between a client's requests.
    """

    clients: int
    seconds: float
    pause: float


@dataclass
class Load:
    """What clients saw.

    Attributes:
        latencies: Seconds of each answered request.
        failures: Errors, and answers that differ from those of their version.
        answers: Requests by version.
        seconds: Duration.
    """

    latencies: list[float]
    failures: list[str]
    answers: dict[str, int]
    seconds: float


@dataclass
class _Client:
    """One connection, and its answers, which are checked after the load."""

    port: int
    requests: list[bytes]
    number: int
    latencies: list[float]
    answers: list[tuple[int, int, bytes]]
    errors: list[str]

    async def run(self, ends: float, pause: float) -> None:
        """Send one request after the other until a time of the monotonic clock."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for turn in itertools.count(self.number):
            if time.monotonic() >= ends:
                break
            row = turn % len(self.requests)
            began = time.perf_counter()
            try:
                status, body = await _ask(reader, writer, self.requests[row])
            except (OSError, asyncio.IncompleteReadError) as error:
                self.errors.append(repr(error))
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                continue
            self.latencies.append(time.perf_counter() - began)
            self.answers.append((row, status, body))
            await asyncio.sleep(pause)
        writer.close()


async def first_answer(port: int, path: str, body: bytes) -> None:
    """Send a request until something listens, and wait for its answer."""
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
            continue
        await _ask(reader, writer, _request(path, body))
        writer.close()
        return
    raise SystemExit("no answer")


def send(port: int, path: str, bodies: list[bytes], plan: Plan, expected: Expected) -> Load:
    """Send requests from all clients until the time is over, then check the answers.

    Args:
        port: On this machine.
        path: Of the predictions.
        bodies: One request each.
        plan: How many, and how long.
        expected: By the reference that an answer names; by "" if answers name none.
    """
    requests = [_request(path, body) for body in bodies]
    clients = [_Client(port, requests, number, [], [], []) for number in range(plan.clients)]

    async def run() -> None:
        ends = time.monotonic() + plan.seconds
        await asyncio.gather(*(client.run(ends, plan.pause) for client in clients))

    asyncio.run(run())
    latencies = [seconds for client in clients for seconds in client.latencies]
    failures = [error for client in clients for error in client.errors]
    load = Load(latencies, failures, {}, plan.seconds)
    for client in clients:
        for row, status, body in client.answers:
            _judge(status, body, row, expected, load)
    return load


def _judge(status: int, body: bytes, row: int, expected: Expected, load: Load) -> None:
    content = json.loads(body)
    version = content.get("model", "")
    load.answers[version] = load.answers.get(version, 0) + 1
    if status != 200 or content["predictions"] != [expected[version][row]]:
        load.failures.append(f"{status} {body[:200]!r}")


def _request(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, bytes]:
    """Send a request and return status and body."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    return int(head.split(b" ")[1]), await reader.readexactly(length)


def rate(load: Load) -> float:
    """Return answered requests per second."""
    return len(load.latencies) / load.seconds


def print_load(name: str, load: Load) -> None:
    """Print rate, latencies and failures in lines that begin with a name."""
    cuts = [1000 * cut for cut in statistics.quantiles(load.latencies, n=100)]
    print(
        f"{name}: {rate(load):.0f} requests per second, p50 {cuts[49]:.1f} ms,"
        f" p99 {cuts[98]:.1f} ms, {len(load.failures)} failed, answers {load.answers}"
    )
    for failure in load.failures[:5]:
        print(f"  {failure}")
