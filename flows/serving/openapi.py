"""The OpenAPI description of the service, which FastAPI derives from its endpoints.

FastAPI takes a quarter of a second to import, so that this module is imported by the first request
for the description.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.responses import Response

from flows.serving import api_page
from flows.serving.dispatch import Endpoint


def describe(endpoints: Iterable[tuple[str, str, Endpoint]]) -> dict[str, Any]:
    """Describe endpoints in the format of OpenAPI.

    Args:
        endpoints: Path, method and function of each; their docstrings are the descriptions.
    """
    application = FastAPI(title="Coldpress", description="Predictions of an exported model.")
    application.router.routes[:] = [_route(*endpoint) for endpoint in endpoints]
    return application.openapi()


def _route(path: str, method: str, endpoint: Endpoint) -> APIRoute:
    summary, _, description = (endpoint.__doc__ or "").partition("\n")
    return APIRoute(
        path,
        endpoint,
        methods=[method],
        summary=summary,
        description=api_page.description(description),
        operation_id=endpoint.__name__,
        openapi_extra=api_page.operation(path),
        response_class=Response,
        response_model=None,
    )
