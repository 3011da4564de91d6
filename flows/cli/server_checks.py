"""Checks of the configured servers: reachable, and open to this process."""

from __future__ import annotations

import base64
import http.client
import os
import socket
import urllib.error
import urllib.request
from urllib.parse import SplitResult, urlsplit

from tasks.environment import credentials

_PROBE_PATHS = {
    credentials.MLFLOW_VARIABLE: "/api/2.0/mlflow/experiments/search?max_results=1",
    credentials.PREFECT_VARIABLE: "/hello",
}
_TOKEN_VARIABLES = {
    credentials.MLFLOW_VARIABLE: "MLFLOW_TRACKING_TOKEN",
    credentials.PREFECT_VARIABLE: "PREFECT_API_KEY",
}
_TIMEOUT_SECONDS = 5


def server_status(server: str) -> str:
    """Check a server over plain HTTP, without importing its client library.

    Args:
        server: The variable with its address: `credentials.MLFLOW_VARIABLE` or `PREFECT_VARIABLE`.

    Returns:
        One line: the address without credentials, and whether the server answers.
    """
    address = os.environ.get(server, "")
    try:
        parsed = urlsplit(address)
        place = f"{parsed.scheme}://{parsed.hostname}:{_port(parsed)}"
    except ValueError as error:
        return f"{server} is not a valid address: {error}"
    if not parsed.hostname:
        return address or "embedded"
    if credentials.has_credentials(address):
        return f"{place}: {credentials.credentials_in_uri_message(server)}"
    if not _is_listening(parsed.hostname, _port(parsed)):
        return f"{place} does not answer"
    return f"{place} answers" if parsed.scheme not in {"http", "https"} else _probe(place, server)


def _port(parsed: SplitResult) -> int:
    return parsed.port or (443 if parsed.scheme == "https" else 80)


def _is_listening(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT_SECONDS):
            return True
    except OSError:
        return False


def _probe(place: str, server: str) -> str:
    try:
        status = _http_status(
            os.environ[server].rstrip("/") + _PROBE_PATHS[server], _authorization_header(server)
        )
    except (OSError, http.client.HTTPException) as error:
        return f"{place} does not answer: {error}"
    if status in credentials.AUTH_FAILURE_CODES:
        return f"{place} refuses access: {credentials.auth_failure_message(server)}"
    return f"{place} answers" if status < http.client.BAD_REQUEST else f"{place} answers {status}"


def _http_status(address: str, authorization: str) -> int:
    headers = {"Authorization": authorization} if authorization else {}
    request = urllib.request.Request(address, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def _authorization_header(server: str) -> str:
    """The header that the client libraries send: user and password if set, else a token."""
    values = [os.environ.get(name, "") for name in credentials.CREDENTIAL_VARIABLES[server]]
    if all(values):
        return f"Basic {base64.b64encode(':'.join(values).encode()).decode()}"
    token = os.environ.get(_TOKEN_VARIABLES[server])
    return f"Bearer {token}" if token else ""
