"""Requests to an MLflow server without MLflow, whose import takes memory and time."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from coldpress.errors import InputError
from tasks.environment import credentials

_TIMEOUT = 10.0
"""Seconds to wait for the server."""
_MISSING_CODES = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})
_TOKEN_VARIABLE = "MLFLOW_TRACKING_TOKEN"  # noqa: S105 - the name of the variable


def get(address: str, path: str, **query: str) -> dict[str, Any] | None:
    """Read an object.

    Args:
        address: Of the server, `http://HOST:PORT`.
        path: Below `api/2.0/mlflow`.
        query: Names the object.

    Returns:
        None if the server has no such object.

    Raises:
        InputError: The server refuses access.
        OSError: The server does not respond, or reports an error of its own.
    """
    return _send(address, f"{path}?{urlencode(query)}", None)


def post(address: str, path: str, content: Mapping[str, Any]) -> dict[str, Any] | None:
    """Create or change an object.

    Args:
        address: Of the server, `http://HOST:PORT`.
        path: Below `api/2.0/mlflow`.
        content: Becomes JSON.

    Returns:
        None if the server has no such object, or refuses the content.

    Raises:
        InputError: The server refuses access.
        OSError: The server does not respond, or reports an error of its own.
    """
    return _send(address, path, json.dumps(content).encode())


def _send(address: str, path: str, body: bytes | None) -> dict[str, Any] | None:
    url = f"{address.rstrip('/')}/api/2.0/mlflow/{path}"
    headers = _authorization() | ({"Content-Type": "application/json"} if body else {})
    request = urllib.request.Request(url, body, headers)  # noqa: S310
    try:
        with urllib.request.urlopen(  # noqa: S310 - an address of http, checked by the caller
            request, timeout=_TIMEOUT, context=_tls(address)
        ) as response:
            answer: dict[str, Any] = json.loads(response.read())
            return answer
    except urllib.error.HTTPError as error:
        _raise_unless_missing(address, error)
        return None
    except urllib.error.URLError as error:
        raise ConnectionError(f"nothing answers at {address}: {error.reason}") from error
    except (http.client.HTTPException, ValueError) as error:
        raise ConnectionError(f"{address} answers, but not as an MLflow server") from error


def _raise_unless_missing(address: str, error: urllib.error.HTTPError) -> None:
    """Return if an object does not exist; raise any other refusal as one line."""
    if error.code in credentials.AUTH_FAILURE_CODES:
        message = credentials.auth_failure_message(credentials.MLFLOW_VARIABLE)
        raise InputError(message) from error
    try:
        code = json.loads(error.read()).get("error_code")
    except (OSError, ValueError, AttributeError, http.client.HTTPException):
        code = None
    if code not in _MISSING_CODES:
        raise ConnectionError(f"{address} responds with status {error.code}") from error


def _authorization() -> dict[str, str]:
    """Return the header with the credentials that MLflow's client would send."""
    user, password = map(os.environ.get, credentials.CREDENTIAL_VARIABLES["MLFLOW_TRACKING_URI"])
    if user and password:
        encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {encoded}"}
    token = os.environ.get(_TOKEN_VARIABLE)
    return {"Authorization": f"Bearer {token}"} if token else {}


def _tls(address: str) -> ssl.SSLContext | None:
    """Return what certificates are checked with, if MLflow's variable names some."""
    file = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    if not (file and address.startswith("https")):
        return None
    return ssl.create_default_context(cafile=file)
