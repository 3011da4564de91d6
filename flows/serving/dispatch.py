"""The shortest way from the server to an endpoint, and what holds for every request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from flows.serving.limits import RETRY_SECONDS
from flows.serving.responses import error_response

Endpoint = Callable[[Request], Awaitable[Response]]


class Dispatcher:
    """An ASGI application that calls endpoints by method and path.

    A framework's middlewares and router would take as long as a small model.
    """

    def __init__(self, endpoints: Mapping[tuple[str, str], Endpoint]) -> None:
        """Set up the endpoints.

        Args:
            endpoints: By method and path.
        """
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; the interface of ASGI."""
        started = False

        async def send_response(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._answer(scope, receive, send_response)
        except asyncio.CancelledError:  # the time for running requests is over
            if started:
                raise
            headers = {"Retry-After": str(RETRY_SECONDS), "Connection": "close"}
            response = error_response(503, "the service ends; send the request again", headers)
            await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoints.get((scope["method"], scope["path"]))
        if endpoint is None:
            response = self._refuse(scope["path"])
        else:
            response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)

    def _refuse(self, path: str) -> Response:
        methods = [method for method, known_path in self._endpoints if known_path == path]
        if not methods:
            return error_response(404, "Not Found")
        return error_response(405, "Method Not Allowed", {"Allow": ", ".join(methods)})
