"""Receiver of MLflow's webhooks: checks the registry as soon as a `champion` alias moves.

Run it beside the servers: `uvicorn flows.webhook:receiver --port 4300`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException, Request, Response
from prefect.deployments import arun_deployment
from pydantic import BaseModel

from tasks.tracking.registry import CHAMPION

SECRET_VARIABLE = "COLDPRESS_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable
DEPLOYMENT = "watch-registry/watch-registry"
_MAX_AGE_SECONDS = 300

# Serve one path only, without pages that describe the API.
receiver = FastAPI(openapi_url=None)


class AliasEvent(BaseModel):
    """An alias that was set, moved or removed."""

    name: str
    alias: str


class WebhookEvent(BaseModel):
    """MLflow's event about an alias."""

    data: AliasEvent


@receiver.post("/", status_code=202)
async def receive(
    request: Request,
    x_mlflow_delivery_id: Annotated[str, Header()],
    x_mlflow_timestamp: Annotated[str, Header()],
    x_mlflow_signature: Annotated[str, Header()],
) -> Response:
    """Start `watch-registry` for a model whose champion was moved.

    Args:
        request: The event, as MLflow sent it.
        x_mlflow_delivery_id: The event's id, the same for every attempt to deliver it.
        x_mlflow_timestamp: When it was sent, in seconds since 1970.
        x_mlflow_signature: `v1,` and the HMAC of id, timestamp and body, in base64.

    Returns:
        202 if a check was started, 204 if the alias is not watched.

    Raises:
        HTTPException: 401 if MLflow did not sign the event, or more than five minutes ago; 422 if
            it is not about an alias.
    """
    body = await request.body()
    signed = f"{x_mlflow_delivery_id}.{x_mlflow_timestamp}.".encode() + body
    if not (_is_recent(x_mlflow_timestamp) and _is_valid_signature(x_mlflow_signature, signed)):
        raise HTTPException(401)
    event = _parse_alias(body)
    if event.alias != CHAMPION:
        return Response(status_code=204)
    await arun_deployment(
        DEPLOYMENT,
        parameters={"models": [event.name]},
        timeout=0,
        idempotency_key=x_mlflow_delivery_id,
    )
    return Response(status_code=202)


def _is_recent(timestamp: str) -> bool:
    return timestamp.isdecimal() and abs(time.time() - int(timestamp)) <= _MAX_AGE_SECONDS


def _is_valid_signature(signature: str, content: bytes) -> bool:
    secret = os.environ.get(SECRET_VARIABLE, "")
    if not secret.strip():
        raise RuntimeError(f"{SECRET_VARIABLE} is not set: anybody could sign with an empty secret")
    digest = hmac.new(secret.encode(), content, hashlib.sha256).digest()
    return hmac.compare_digest(signature.encode(), b"v1," + base64.b64encode(digest))


def _parse_alias(body: bytes) -> AliasEvent:
    try:
        return WebhookEvent.model_validate_json(body).data
    except ValueError as error:
        raise HTTPException(422, "not an event about an alias") from error
