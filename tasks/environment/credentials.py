"""Access to the MLflow and Prefect servers: addresses, credentials and error messages."""

from __future__ import annotations

import http.client
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from functools import cache
from urllib.parse import urlsplit

from coldpress.errors import InputError
from tasks.environment import server_address

MLFLOW_VARIABLE = "MLFLOW_TRACKING_URI"
PREFECT_VARIABLE = "PREFECT_API_URL"
CREDENTIAL_VARIABLES = {
    MLFLOW_VARIABLE: ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"),
    PREFECT_VARIABLE: ("PREFECT_API_AUTH_STRING",),
}
_ADDRESS_CHECKS = {
    MLFLOW_VARIABLE: server_address.mlflow_address_error,
    PREFECT_VARIABLE: server_address.prefect_address_error,
}
_MIN_MLFLOW_VERSION = 3
_REGISTRY_VARIABLE = "MLFLOW_REGISTRY_URI"
_SERVER_NAMES = {MLFLOW_VARIABLE: "MLflow", PREFECT_VARIABLE: "Prefect"}
AUTH_FAILURE_CODES = (401, 403)
CONNECT_TIMEOUT = 20.0
"""Seconds to wait for a tracking server that does not respond."""
_NOT_MLFLOW_ERROR = re.compile("failed with error code (4[0-9][0-9]|501) ")
_AUTH_ERROR_CODES = {"UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED", "PERMISSION_DENIED"}


def check_addresses() -> None:
    """Refuse addresses that are invalid or contain credentials, since every run stores them.

    Raises:
        InputError: Names the variable; its value is left out if it contains credentials.
    """
    for server, find_error in _ADDRESS_CHECKS.items():
        address = os.environ.get(server, "")
        if has_credentials(address):
            raise InputError(credentials_in_uri_message(server))
        reason = find_error(address) if address else None
        if reason is not None:
            raise InputError(f"{server}: {reason}")
    _check_registry()


def _check_registry() -> None:
    """Require that versions and runs are in one store, since lineage connects them."""
    registry = os.environ.get(_REGISTRY_VARIABLE)
    tracking = os.environ.get(MLFLOW_VARIABLE)
    if registry is None or tracking is None:
        return
    if registry != tracking:
        raise InputError(
            f"{_REGISTRY_VARIABLE}: names another store than {MLFLOW_VARIABLE},"
            " but Coldpress keeps models and their"
            " runs in one; unset it"
        )
    del os.environ[_REGISTRY_VARIABLE]


def credentials_in_uri_message(server: str) -> str:
    """Return a one-line message that says where credentials belong."""
    variables = " and ".join(CREDENTIAL_VARIABLES[server])
    return (
        f"{server}: must not contain a user or password, since every run stores it; set {variables}"
    )


def has_credentials(address: str) -> bool:
    """Return whether an address contains credentials: a password, or for http a user name."""
    try:
        parsed = urlsplit(address)
    except ValueError:
        return False  # reported by the check of the address
    return parsed.password is not None or (
        parsed.scheme.startswith("http") and parsed.username is not None
    )


@cache
def check_mlflow(address: str) -> None:
    """Check, once per process, that a tracking server is reachable and accepts this process.

    Args:
        address: The value of `MLFLOW_TRACKING_URI`; only http addresses are checked.

    Raises:
        InputError: The server refuses access or is unreachable; the message says what to set.
    """
    if not address.startswith("http"):
        return
    _wait_until_reachable(address)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    _check_version(address)
    try:
        MlflowClient(address).search_experiments(max_results=1)
    except MlflowException as error:
        if error.error_code in _AUTH_ERROR_CODES:
            raise InputError(auth_failure_message(MLFLOW_VARIABLE)) from error
        if _NOT_MLFLOW_ERROR.search(str(error)):
            raise InputError(
                f"{MLFLOW_VARIABLE}: {address} answers, but not as an MLflow server"
            ) from error
        raise


def _check_version(address: str) -> None:
    """Refuse a server too old for logged models; one that reports no version is accepted."""
    try:
        with urllib.request.urlopen(  # noqa: S310
            f"{address.rstrip('/')}/version", timeout=CONNECT_TIMEOUT
        ) as response:
            version = response.read(100).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        return
    major = re.match(r"([0-9]+)\.[0-9]", version)
    if major and int(major[1]) < _MIN_MLFLOW_VERSION:
        raise InputError(
            f"{MLFLOW_VARIABLE}: {address} is MLflow {version}; version 3 or newer is needed"
        )


def _wait_until_reachable(address: str) -> None:
    """Wait briefly for a server that is starting; MLflow's client would wait four minutes."""
    deadline = time.monotonic() + CONNECT_TIMEOUT
    while not _is_reachable(address):
        if time.monotonic() > deadline:
            raise InputError(f"{MLFLOW_VARIABLE}: nothing answers at {address}")
        time.sleep(1)


def _is_reachable(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=CONNECT_TIMEOUT).close()  # noqa: S310 - starts with http
    except urllib.error.HTTPError:
        return True
    except urllib.error.URLError as error:
        # MLflow's client decides whether a certificate is trusted.
        return isinstance(error.reason, ssl.SSLError)
    except TimeoutError:
        return True  # reachable, but slow
    except OSError:
        return False
    except http.client.HTTPException as error:
        raise InputError(
            f"{MLFLOW_VARIABLE}: {address} answers, but not as an MLflow server"
        ) from error
    return True


def check_prefect() -> None:
    """Check that the configured Prefect server is reachable and accepts this process.

    Raises:
        InputError: The server refuses access or is unreachable; the message says what to set.
    """
    from httpx import ConnectError, HTTPStatusError
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as prefect:
            prefect.hello()
    except HTTPStatusError as error:
        if error.response.status_code in AUTH_FAILURE_CODES:
            raise InputError(auth_failure_message(PREFECT_VARIABLE)) from error
        if error.response.is_client_error:
            raise InputError(
                f"{_prefect_server_name()} answers, but not as Prefect; does it end in /api?"
            ) from error
        raise
    except ConnectError as error:
        raise InputError(f"{_prefect_server_name()} cannot be reached: {error}") from error


def _prefect_server_name() -> str:
    return f"{PREFECT_VARIABLE}: {os.environ.get(PREFECT_VARIABLE, 'the server of a profile')}"


def auth_failure_message(server: str) -> str:
    """Return the message for a server that refuses access: what to set or to correct.

    Args:
        server: `MLFLOW_VARIABLE` or `PREFECT_VARIABLE`.

    Returns:
        One line that starts with the variable.
    """
    required = CREDENTIAL_VARIABLES[server]
    missing = [name for name in required if not os.environ.get(name)]
    server_name = f"the {_SERVER_NAMES[server]} server at {os.environ.get(server, '')}"
    if missing:
        return f"{missing[0]}: {server_name} requires a login; set {' and '.join(required)}"
    return f"{required[-1]}: {server_name} does not accept {' and '.join(required)}"


def permission_denied_message(error: BaseException) -> str | None:
    """Return the message if MLflow denied the user permission for a request.

    Args:
        error: Any exception; MLflow need not be imported.

    Returns:
        One line; None if it is another error.
    """
    if getattr(error, "error_code", None) != "PERMISSION_DENIED":
        return None
    user = os.environ.get(CREDENTIAL_VARIABLES[MLFLOW_VARIABLE][0], "this user")
    variable = CREDENTIAL_VARIABLES[MLFLOW_VARIABLE][0]
    return f"{variable}: the MLflow server does not allow {user} to do that"
