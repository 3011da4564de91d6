"""Faults around a running `coldpress serve`: of its registry, its next version and its clients."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from faults import malformed_requests
from faults.malformed_requests import MalformedRequest, post
from faults.registry_server import RegistryServer
from faults.sandbox import TEXT, Sandbox
from faults.service import Response, Service, ask, serving
from faults.steady_clients import ClientLog, Prediction, steady_clients

MODEL = "tiny"
CHAMPION = f"{MODEL}@champion"
POLL_LIMIT = 30.0
"""Seconds until the service must have noticed a change in the registry."""
TOKEN = "token-of-a-trial"
LOAD_LIMIT = 120.0
"""Seconds until a version must be in use: 60 between trials, and a download by another process."""


@dataclass(frozen=True)
class Finding:
    """One line of the table.

    Attributes:
        fault: What was done.
        requirement: What must hold.
        outcome: What was measured.
        holds: Whether the requirement is met.
    """

    fault: str
    requirement: str
    outcome: str
    holds: bool


@dataclass(frozen=True)
class Trials:
    """What the trials share.

    Attributes:
        sandbox: Home whose registry is the server.
        registry: With versions 1 and 2 of the model; 1 is the champion.
        expected: Prediction for the text by version, from `coldpress predict`.
    """

    sandbox: Sandbox
    registry: RegistryServer
    expected: Mapping[str, Prediction]


def registry_outage(trials: Trials, seconds: float) -> list[Finding]:
    """Stop the registry server for a while, start it again, and promote version 2."""
    fault = f"registry server away for {seconds:.0f} s"
    with _service(trials) as service, _clients(service, trials, 4) as log:
        trials.registry.stop()
        service.wait_until(lambda ready: ready["problem"], POLL_LIMIT)
        time.sleep(seconds)
        during = service.get("/ready")
        trials.registry.start()
        service.wait_until(lambda ready: not ready["problem"], POLL_LIMIT)
        result = trials.sandbox("promote", f"{MODEL}/2", "--reason", "after the outage")
        followed = service.wait_until(lambda ready: ready["model"] == f"{MODEL}/2", LOAD_LIMIT)
        _wait_for_answer(log, f"{MODEL}/2")
    right = during["model"] == f"{MODEL}/1" and str(during["problem"]).startswith("nothing answers")
    return [
        _requests(fault, log),
        Finding(fault, "/ready reports it, version 1 answers", f"{during}", right),
        Finding(
            "promotion after its return",
            "followed",
            f"exit code {result.code}, version 2 in use {followed:.1f} s later",
            result.code == 0,
        ),
    ]


def altered_champion(trials: Trials) -> list[Finding]:
    """Move the alias to version 1, of whose file a byte was changed, and repair it later."""
    fault = "champion with an altered file"
    trials.registry.set_champion(MODEL, 2)
    model = min(trials.registry.folder.rglob("model.onnx"), key=lambda file: file.stat().st_mtime)
    content = model.read_bytes()
    with _service(trials) as service, _clients(service, trials, 4) as log:
        model.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        trials.registry.set_champion(MODEL, 1)
        noticed = service.wait_until(lambda ready: ready["problem"], LOAD_LIMIT)
        during = service.get("/ready")
        model.write_bytes(content)
        repaired = service.wait_until(lambda ready: not ready["problem"], LOAD_LIMIT)
        _wait_for_answer(log, f"{MODEL}/1")
    return [
        _requests(fault, log),
        Finding(
            fault,
            "/ready reports it, version 2 answers",
            f"{during} after {noticed:.1f} s",
            during["model"] == f"{MODEL}/2" and str(during["problem"]).startswith(f"{MODEL}/1"),
        ),
        Finding("the file is repaired", "the version is used", f"{repaired:.1f} s later", True),
    ]


def sigterm(trials: Trials, clients: int) -> list[Finding]:
    """End the service while clients send requests as fast as they are answered."""
    fault = f"SIGTERM, {clients} clients"
    with _service(trials) as service, _clients(service, trials, clients) as log:
        time.sleep(3)
        code, seconds = service.end()
        time.sleep(0.5)  # clients notice that nothing listens
    end = Finding(fault, "exit code 0", f"exit code {code} after {seconds:.1f} s", code == 0)
    return [_requests(fault, log), end]


def malformed(trials: Trials, model: str, pairs: bool) -> list[Finding]:
    """Send each malformed request, and a valid one after it.

    Args:
        trials: Of the sandbox.
        model: Reference of the model.
        pairs: Whether it reads pairs of texts.
    """
    requests = malformed_requests.requests(TOKEN, pairs)
    sorts = list(dict.fromkeys(request.sort for request in requests))
    with _service(trials, model, TOKEN) as service:
        faults = [
            (request, fault) for request in requests for fault in request_faults(service, request)
        ]
        is_running = service.process.poll() is None
    findings = [_sort(model, sort, requests, faults) for sort in sorts]
    total = Finding(
        f"{model}: {len(requests)} malformed requests",
        "the service runs on",
        f"{len(faults)} faults",
        is_running and not faults,
    )
    return [*findings, total]


def _sort(
    model: str,
    sort: str,
    requests: list[MalformedRequest],
    faults: list[tuple[MalformedRequest, str]],
) -> Finding:
    of_sort = [request for request in requests if request.sort == sort]
    messages = [fault for request, fault in faults if request.sort == sort]
    status = of_sort[0].status or "closed"
    outcome = f"{len(of_sort)} sent, {len(messages)} faults {'; '.join(messages)[:300]}"
    return Finding(f"{model}: {sort}", f"{status}, one line", outcome.strip(), not messages)


def request_faults(service: Service, request: MalformedRequest) -> Iterator[str]:
    """Send a malformed request and a valid one, and describe what is wrong with the responses.

    Args:
        service: With the token `TOKEN`.
        request: The malformed one.
    """
    has_body = not request.is_answered_without_body
    response = ask(service.port, request.data, request.ends, has_body)
    if response.status != request.status:
        yield f"{request.data[-60:]!r}: {response.status} {response.body[:60]!r}"
    elif response.status is not None and has_body and not _is_one_line(response.body):
        yield f"{request.data[-60:]!r}: not one line: {response.body[:60]!r}"
    pairs = {"text_pair": [TEXT]} if service.get("/model")["pairs"] else {}
    body = json.dumps({"text": [TEXT], **pairs}).encode()
    answer = ask(service.port, post(body, b"Authorization: Bearer %b\r\n" % TOKEN.encode()))
    if not _is_answer(answer):
        yield f"{answer} to a valid request after {request.data[-60:]!r}"


def _is_one_line(body: bytes) -> bool:
    """Return whether a body is one line of text, or JSON with one."""
    line = json.loads(body)["error"] if body.startswith(b"{") else body.decode()
    return bool(line.strip()) and len(line.splitlines()) == 1


def _is_answer(response: Response) -> bool:
    return response.status == 200 and len(json.loads(response.body)["predictions"]) == 1


@contextmanager
def _service(trials: Trials, model: str = CHAMPION, token: str = "") -> Iterator[Service]:
    log = trials.sandbox.folder / "service.log"
    with serving(model, trials.sandbox.environment, log, token) as service:
        yield service


@contextmanager
def _clients(service: Service, trials: Trials, count: int) -> Iterator[ClientLog]:
    pause = 0.02 if count < 10 else 0.0
    with steady_clients(service.port, TEXT, trials.expected, count, pause) as log:
        yield log


def _wait_for_answer(log: ClientLog, version: str) -> None:
    deadline = time.monotonic() + POLL_LIMIT
    while not log.answers[version] and time.monotonic() < deadline:
        time.sleep(0.05)


def _requests(fault: str, log: ClientLog) -> Finding:
    outcome = f"{dict(log.answers)}, {len(log.wrong)} wrong, {len(log.lost)} lost"
    failures = "; ".join(log.failures[:3])
    return Finding(
        fault,
        "every request is answered by the version it names",
        f"{outcome}, {log.refused} connections refused {failures}".strip(),
        not log.failures and bool(log.answers),
    )
