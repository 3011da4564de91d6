"""Authentication by a bearer token."""

from __future__ import annotations

import hashlib
import hmac
import os

from starlette.requests import Request

from flows.serving.limits import RequestError

TOKEN_VARIABLE = "COLDPRESS_SERVE_TOKEN"  # noqa: S105 - the name of the variable
_SCHEME = "bearer "


def read_token() -> str | None:
    """Return the token that requests must carry; None if the variable is not set or empty."""
    return os.environ.get(TOKEN_VARIABLE, "").strip() or None


def check_token(request: Request, token: str | None) -> None:
    """Refuse a request without the token.

    Args:
        request: With the header `Authorization: Bearer TOKEN`.
        token: The expected token; None if none is needed.

    Raises:
        RequestError: 401. Neither token is part of the message.
    """
    if token is None:
        return
    header = request.headers.get("authorization", "")
    offered = header[len(_SCHEME) :].strip() if header.lower().startswith(_SCHEME) else ""
    # Digests have equal lengths, so that the time does not depend on that of the token.
    if not hmac.compare_digest(_digest(offered), _digest(token)):
        message = "Authorization: a valid bearer token is needed"
        raise RequestError(401, message, {"WWW-Authenticate": "Bearer"})


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
