"""Responses in JSON, and refusals in one line."""

from __future__ import annotations

import json

from starlette.responses import Response

JSON = "application/json"


def json_response(
    content: object, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return a response with a value as JSON."""
    return Response(json.dumps(content), status, headers, JSON)


def error_response(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """Return a refusal, `{"error": message}`."""
    return json_response({"error": message}, status, headers)
