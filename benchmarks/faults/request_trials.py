"""Malformed and unfinished requests to a running `coldpress serve`."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

from faults import malformed_requests
from faults.malformed_requests import MalformedRequest, post
from faults.sandbox import TEXT
from faults.service import Response, Service, ask, receive
from faults.service_trials import Finding, Trials, running_service
from flows.serving.limits import BODY_SECONDS, MAX_REQUESTS

TOKEN = "token-of-a-trial"
FIELDS = "fields of another kind"
_BODY_LIMIT = BODY_SECONDS + 20.0


def malformed(trials: Trials, model: str, pairs: bool) -> list[Finding]:
    """Send each malformed request, and a valid one after it.

    Args:
        trials: Of the sandbox.
        model: Reference of the model.
        pairs: Whether it reads pairs of texts; then only requests whose fields depend on that.
    """
    requests = malformed_requests.requests(TOKEN, pairs)
    if pairs:
        requests = [request for request in requests if request.sort == FIELDS]
    with running_service(trials, model, TOKEN) as service:
        faults = [
            (request, fault) for request in requests for fault in request_faults(service, request)
        ]
    sorts = dict.fromkeys(request.sort for request in requests)
    total = f"{len(requests)} malformed requests, {len(faults)} faults"
    return [
        *(_sort(model, sort, requests, faults) for sort in sorts),
        Finding(model, "a valid request after each is answered", total, not faults),
    ]


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
    answer = ask(service.port, _valid_request(service))
    if not _is_answer(answer):
        yield f"{answer} to a valid request after {request.data[-60:]!r}"


def _is_one_line(body: bytes) -> bool:
    """Return whether a body is one line of text, or JSON with one."""
    line = json.loads(body)["error"] if body.startswith(b"{") else body.decode()
    return bool(line.strip()) and len(line.splitlines()) == 1


def _is_answer(response: Response) -> bool:
    return response.status == 200 and len(json.loads(response.body)["predictions"]) == 1


def unfinished_bodies(trials: Trials, model: str) -> list[Finding]:
    """Begin as many requests as may run, and never send their bodies."""
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    with running_service(trials, model) as service, ExitStack() as stack:
        address = ("127.0.0.1", service.port)
        clients = [
            stack.enter_context(socket.create_connection(address, _BODY_LIMIT))
            for _ in range(MAX_REQUESTS)
        ]
        for client in clients:
            client.sendall(head + b"Content-Length: 100\r\n\r\n{")
        time.sleep(2)
        others = ask(service.port, _valid_request(service)).status
        statuses = Counter(receive(client).status for client in clients)
        later = ask(service.port, _valid_request(service)).status
    outcome = f"meanwhile {others}; the unfinished: {dict(statuses)}; later {later}"
    holds = (others, statuses, later) == (429, {408: MAX_REQUESTS}, 200)
    return [Finding(f"{MAX_REQUESTS} unfinished bodies", "429; then 408; then 200", outcome, holds)]


def _valid_request(service: Service) -> bytes:
    pairs = {"text_pair": [TEXT]} if service.get("/model")["pairs"] else {}
    body = json.dumps({"text": [TEXT], **pairs}).encode()
    return post(body, b"Authorization: Bearer %b\r\n" % service.token.encode())
