"""Limits of a request: its size, its form, and the number of requests at the same time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request

from coldpress.onnx.predictor import MAX_CHARACTERS, MAX_TEXTS

MAX_BYTES = 8 * 2**20
"""Size of a body."""
MAX_REQUESTS = 256
"""Requests that are read, wait or are answered at the same time."""
BODY_SECONDS = 60
"""Until a body is complete; otherwise clients that vanish would use up the requests for ever."""
RETRY_SECONDS = 1
_FIELDS = ("text", "text_pair")
_LONGEST_MESSAGE = 300


class RequestError(Exception):
    """A request that is refused."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Describe the refusal.

        Args:
            status: HTTP status.
            message: Why; it becomes one line.
            headers: Of the response.
        """
        line = " ".join(message.split())[:_LONGEST_MESSAGE]
        super().__init__(line)
        self.status = status
        self.headers = dict(headers or {})


class RequestLimit:
    """Counts running requests; used by the event loop only."""

    def __init__(self, most: int = MAX_REQUESTS) -> None:
        self._most = most
        self._running = 0

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Count a request while the block runs.

        Raises:
            RequestError: Too many run already.
        """
        if self._running >= self._most:
            message = f"{self._running} requests are running; try again later"
            raise RequestError(429, message, {"Retry-After": str(RETRY_SECONDS)})
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1


async def read_body(request: Request) -> bytes:
    """Read the body of a request, up to the limit.

    Args:
        request: Its body has not been read.

    Raises:
        RequestError: It is not JSON by its header, too large, or not complete in time.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":  # a page in a browser may send other types unasked
        raise RequestError(415, "Content-Type: must be application/json")
    if _announced_bytes(request) > MAX_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read_chunks(request)
    except TimeoutError as error:
        message = f"the body was not complete after {BODY_SECONDS} seconds"
        raise RequestError(408, message, {"Connection": "close"}) from error


async def _read_chunks(request: Request) -> bytes:
    chunks = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BYTES:
            raise _too_large()
        chunks.append(chunk)
    return b"".join(chunks)


def _announced_bytes(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


def _too_large() -> RequestError:
    return RequestError(413, f"the body has more than {MAX_BYTES} bytes")


def parse_body(body: bytes) -> tuple[list[Any], list[Any] | None]:
    """Return the first and second texts of a request; the predictor checks each value.

    Args:
        body: JSON with `text` and, for pairs, `text_pair`.

    Returns:
        The lists; None without `text_pair`.

    Raises:
        RequestError: The form is wrong, or there are too many or too long texts.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"the body is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise RequestError(400, 'the body must be an object such as {"text": ["what is it"]}')
    if unknown := next((name for name in content if name not in _FIELDS), None):
        raise RequestError(400, f"unknown field {unknown!r}; there are text and text_pair")
    if "text" not in content:
        raise RequestError(400, "no field text")
    texts = _check_list("text", content["text"])
    pairs = content.get("text_pair")
    return texts, None if pairs is None else _check_list("text_pair", pairs)


def _check_list(name: str, texts: object) -> list[Any]:
    if not isinstance(texts, list):
        raise RequestError(400, f"{name} must be a list of texts")
    if not texts:
        raise RequestError(400, "no texts")
    if len(texts) > MAX_TEXTS:
        raise RequestError(400, f"{len(texts)} texts; a request may have {MAX_TEXTS}")
    for row, text in enumerate(texts):
        if isinstance(text, str) and len(text) > MAX_CHARACTERS:
            raise RequestError(400, f"{name}[{row}] has more than {MAX_CHARACTERS} characters")
    return texts
