"""Malformed requests to `coldpress serve`, each with the status that it must get."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from coldpress.onnx.predictor import MAX_CHARACTERS, MAX_TEXTS
from flows.serving.limits import MAX_BYTES

VALID = b'{"text": ["how far is the moon"]}'
_TEXT = b'["how far is the moon"]'


@dataclass(frozen=True)
class MalformedRequest:
    """A request as bytes.

    Attributes:
        sort: What is wrong with it.
        data: All that is sent.
        status: Of the response; None if the service closes the connection without one.
        ends: Whether the client ends its side of the connection after the bytes.
    """

    sort: str
    data: bytes
    status: int | None
    ends: bool = False

    @property
    def is_answered_without_body(self) -> bool:
        """Whether the response has no body, because the method is HEAD."""
        return self.data.startswith(b"HEAD ")


def requests(token: str, pairs: bool) -> list[MalformedRequest]:
    """Return the requests, of which some are right but for their token or their fields.

    Args:
        token: The bearer token of the service.
        pairs: Whether the model reads pairs of texts.
    """
    head = f"Authorization: Bearer {token}\r\n".encode()
    sorts: list[tuple[str, int, Callable[[], Iterator[bytes]]]] = [
        ("invalid JSON", 400, _invalid_json),
        ("deep nesting", 400, _nested),
        ("wrong types", 400, _wrong_types),
        ("wrong fields", 400, _wrong_fields),
        ("fields of another kind", 400, _pair_fields if pairs else _single_fields),
        ("too many or too long texts", 400, _oversized_texts),
        ("not Unicode", 400, _broken_encodings),
        ("body too large", 413, _large_bodies),
    ]
    posted = [
        MalformedRequest(sort, post(body, head), status)
        for sort, status, bodies in sorts
        for body in bodies()
    ]
    return [*posted, *_refused_by_path(head), *_refused_by_header(head, token), *_not_http(head)]


def post(
    body: bytes,
    head: bytes = b"",
    content_type: bytes = b"application/json",
    path: bytes = b"/predict",
) -> bytes:
    """Return a request with a body.

    Args:
        body: Its length is announced.
        head: More lines of the header, each with its end.
        content_type: Of the body.
        path: Where to.
    """
    lines = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Type: %b\r\n" % (path, content_type)
    return lines + head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _invalid_json() -> Iterator[bytes]:
    yield from (b"", b" ", b"{", b"}", b"nul", b"text", b"'", b'"', b"[", b"\x00", b"{}{}", b"--1")
    yield from (b"{'text': ['a']}", b'{text: ["a"]}', b'{"text": [a]}', b'{"text": ["a"]')
    yield from (b'{"text": ["a",]}', b'{"text": ["a"],}', b'{"text" ["a"]}', b'{"text": ["a]}')
    yield from (b'{"text": ["a"]} x', b'// a\n{"text": ["a"]}', b'{"text": ["a\nb"]}')
    yield from (b'{"text": ["a\x00b"]}', b'{"text": ["\\x41"]}', b'{"text": ["\\u12"]}')
    yield from (VALID * 2, VALID[:-1], VALID[1:], VALID + b"\x00", gzip.compress(VALID))
    yield b'{"text": ' + b"9" * 5000 + b"}"


def _nested() -> Iterator[bytes]:
    for depth in (1000, 100_000, 800_000):
        yield b"[" * depth
        yield b'{"text":' * depth
        yield b'{"text": ' + b"[" * depth + b"]" * depth + b"}"
    yield b'{"text": [' + b'{"a": ' * 500 + b"1" + b"}" * 500 + b"]}"


def _wrong_types() -> Iterator[bytes]:
    values = (b"null", b"true", b"0", b"-1.5", b"1e999", b"NaN", b"Infinity", b"-Infinity")
    nested = (b"{}", b"[]", b'["a"]', b'{"text": "a"}')
    yield from (b'{"text": ["how far", %b]}' % value for value in (*values, *nested))
    yield from (b'{"text": %b}' % value for value in (*values, b'"a"', b"{}", b'{"0": "a"}'))
    yield from (value for value in (*values, b'"a"', b'["a"]', b"[]", b"[[1]]"))
    yield from (
        b'{"text": %b, "text_pair": %b}' % (_TEXT, value) for value in (b"1", b'"a"', b"{}")
    )


def _wrong_fields() -> Iterator[bytes]:
    yield from (b"{}", b'{"text": []}', b'{"text": ["a"], "text": []}', b'{"": ["a"]}')
    names = (
        "texts",
        "Text",
        "inputs",
        "dataframe_records",
        "instances",
        "tokens",
        "query",
        "vector",
    )
    yield from (json.dumps({name: ["a"]}).encode() for name in names)
    more = ("label", "text ", "text\u0000", "\u202etext", "a\r\nb", "x" * 10_000, "__class__")
    yield from (json.dumps({"text": ["a"], name: 1}).encode() for name in more)


def _single_fields() -> Iterator[bytes]:
    yield from (b'{"text": %b, "text_pair": %b}' % (_TEXT, pair) for pair in (_TEXT, b'["a", "b"]'))
    yield b'{"text": %b, "text_pair": []}' % _TEXT


def _pair_fields() -> Iterator[bytes]:
    yield from (VALID, b'{"text_pair": %b}' % _TEXT, b'{"text": %b, "text_pair": null}' % _TEXT)
    yield b'{"text": ["a", "b"], "text_pair": ["c"]}'
    yield b'{"text": ["a", "b"], "text_pair": ["c", "d", "e"]}'
    yield from (
        b'{"text": %b, "text_pair": ["a", %b]}' % (_TEXT, value) for value in (b"1", b"null")
    )


def _oversized_texts() -> Iterator[bytes]:
    for count in (MAX_TEXTS + 1, 5000, 200_000):
        yield json.dumps({"text": ["a"] * count}).encode()
    for text in ("a" * (MAX_CHARACTERS + 1), "\u00e9" * 1_000_000, "\U0001f600" * 200_000):
        yield json.dumps({"text": ["a", text]}, ensure_ascii=False).encode()


def _broken_encodings() -> Iterator[bytes]:
    for broken in (
        b"\xff",
        b"\xc3",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf5\x80\x80\x80",
        b"\xe2\x82",
    ):
        yield b'{"text": ["' + broken + b'"]}'
    yield from (
        b'{"text": ["\\ud800"]}',
        b'{"text": ["\\udc00\\ud800"]}',
        b'{"text": ["a\\udfff"]}',
    )
    yield from ("{'text'}".encode("utf-16"), VALID.decode().encode("utf-7") + b"+", b"\xff\xfe\x00")


def _large_bodies() -> Iterator[bytes]:
    yield VALID + b" " * MAX_BYTES
    yield b'{"text": ["' + b"a" * (2 * MAX_BYTES) + b'"]}'


def _refused_by_path(head: bytes) -> Iterator[MalformedRequest]:
    end = b" HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n"
    for method in (b"GET", b"HEAD", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE"):
        yield MalformedRequest("wrong method", method + b" /predict" + end, 405)
    for path in (b"/health", b"/ready", b"/model", b"/metrics", b"/docs", b"/openapi.json"):
        yield MalformedRequest("wrong method", post(VALID, head, path=path), 405)
    names = (b"/", b"/predict/", b"/PREDICT", b"//predict", b"/predict/1", b"/invocations", b"/v1")
    odd = (b"/predict%00", b"/..%2fpredict", b"/%ff%fe", b"/predict;a", b"/" + b"a" * 10_000, b"*")
    for path in (*names, *odd):
        yield MalformedRequest("wrong path", post(VALID, head, path=path), 404)


def _refused_by_header(head: bytes, token: str) -> Iterator[MalformedRequest]:
    types = (b"text/plain", b"", b"application/xml", b"application/x-www-form-urlencoded", b"json")
    more = (
        b"multipart/form-data; boundary=a",
        b"application/jsonl",
        b"application/json, text/plain",
    )
    for content_type in (*types, *more):
        yield MalformedRequest("wrong content type", post(VALID, head, content_type), 415)
    right = token.encode()
    schemes = (b"", b"Bearer", b"Bearer ", b"Basic " + right, right, b"Token " + right)
    wrong = (b"Bearer " + right + b"x", b"Bearer " + right[:-1], b"Bearer " + right.upper() + b"!")
    odd = (b"Bearer \xff\xfe", b"Bearer " + b"a" * 20_000, b"Bearer " + right + b" " + right)
    for value in (*schemes, *wrong, *odd):
        yield MalformedRequest("bad token", post(VALID, b"Authorization: %b\r\n" % value), 401)
    yield MalformedRequest("bad token", post(VALID), 401)
    for path in (b"/model", b"/metrics", b"/docs", b"/openapi.json"):
        data = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path
        yield MalformedRequest("bad token", data, 401)


def _not_http(head: bytes) -> Iterator[MalformedRequest]:
    start = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + head
    for length in (
        b"-1",
        b"1e3",
        b"0x21",
        b"",
        b"1, 2",
        b"9" * 30,
        b"+5",
        b"33\r\nContent-Length: 34",
    ):
        data = start + b"Content-Length: %b\r\n\r\n" % length + VALID
        yield MalformedRequest("wrong Content-Length", data, 400)
    for length in (b"8388609", b"999999999999"):
        data = start + b"Content-Length: %b\r\n\r\n" % length
        yield MalformedRequest("body too large", data, 413)
    chunked = start + b"Transfer-Encoding: chunked\r\n\r\n"
    for body in (b"x\r\n", b"-1\r\n", b" 5\r\n", VALID, b"ffffffffffffffffffffff\r\n"):
        yield MalformedRequest("wrong chunks", chunked + body + b"\r\n", 400)
    yield from _broken_lines(start)
    for announced, sent in ((b"100", VALID), (b"33", b"{"), (b"5", b"")):
        data = start + b"Content-Length: %b\r\n\r\n" % announced + sent
        yield MalformedRequest("truncated body", data, None, ends=True)


def _broken_lines(start: bytes) -> Iterator[MalformedRequest]:
    end = b"Content-Length: %d\r\n\r\n" % len(VALID) + VALID
    huge = (b"X-A: " + b"a" * 200_000 + b"\r\n", b"X-A: b\r\n" * 20_000)
    for line in (b"X-A: \x00\r\n", b"X A: b\r\n", b"no colon\r\n", b": b\r\n", b"X\xe9: b\r\n"):
        yield MalformedRequest("wrong header", start + line + end, 400)
    for line in huge:
        yield MalformedRequest("huge header", start + line + end, 400)
    lines = (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"PRI * HTTP/x\r\n\r\n",
    )
    more = (b"GET / HTTP/9\r\n\r\n", b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", b"\xff" * 70_000)
    hosts = (b"", b"Host: a\r\nHost: b\r\n")
    unusual = (b"BREW / HTTP/1.1\r\nHost: a\r\n", *(b"GET / HTTP/1.1\r\n" + h for h in hosts))
    for line in (*lines, *more, *unusual):
        yield MalformedRequest("not HTTP", line + b"\r\n\r\n", 400)
