"""HTTP on one connection: uvicorn's protocol on httptools, with checks of the header."""

from __future__ import annotations

from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_INVALID = "Invalid HTTP request received."


class HttpProtocol(HttpToolsProtocol):
    """Refuses long headers and those without exactly one `Host` (RFC 9112, section 3.2).

    httptools would collect a header until the memory is full.

    Attributes:
        max_header_bytes: Of the request line and all lines of the header.
    """

    max_header_bytes: ClassVar[int] = 2**16
    _header_bytes = 0
    _reads_header = False

    def data_received(self, data: bytes) -> None:
        """Read a part of a request; a header that is still incomplete must be short."""
        super().data_received(data)
        if not self._reads_header:
            return
        self._header_bytes += len(data)
        if self._header_bytes > self.max_header_bytes and not self.transport.is_closing():
            self.send_400_response(_INVALID)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._header_bytes = 0
        self._reads_header = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Check a complete header.

        Raises:
            ValueError: It is invalid; the parser ends with an error, and the client gets 400.
        """
        self._reads_header = False
        length = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if length > self.max_header_bytes:
            raise ValueError("the header is too long")
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            raise ValueError("a request has one header Host")
        super().on_headers_complete()
