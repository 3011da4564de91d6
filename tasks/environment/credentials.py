"""Who may use the servers: credentials are in the environment, and never in an address."""

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

MLFLOW_VARIABLE, PREFECT_VARIABLE = "MLFLOW_TRACKING_URI", "PREFECT_API_URL"
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
"""Seconds until a tracking server that does not answer at all is given up."""
_NOT_MLFLOW_ERROR = re.compile("failed with error code (4[0-9][0-9]|501) ")
_AUTH_ERROR_CODES = {"UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED", "PERMISSION_DENIED"}


def check_addresses() -> None:
    """Refuse an address that cannot be used, or has credentials: it is kept with every run.

    Raises:
        InputError: Which variable it is; of credentials without its value.
    """
    for server, fault in _ADDRESS_CHECKS.items():
        address = os.environ.get(server, "")
        if has_credentials(address):
            raise InputError(credentials_in_uri_message(server))
        why = fault(address) if address else None
        if why is not None:
            raise InputError(f"{server}: {why}")
    _check_registry()


def _check_registry() -> None:
    """Lineage leads from versions to runs and back: both are in one store."""
    registry, tracking = os.environ.get(_REGISTRY_VARIABLE), os.environ.get(MLFLOW_VARIABLE)
    if registry is None or tracking is None:
        return
    if registry != tracking:
        raise InputError(
            f"{_REGISTRY_VARIABLE}: names another store than {MLFLOW_VARIABLE},"
            " and Coldpress keeps models and their"
            " runs in one; unset it"
        )
    del os.environ[_REGISTRY_VARIABLE]


def credentials_in_uri_message(server: str) -> str:
    """Say in one line where credentials belong."""
    instead = " and ".join(CREDENTIAL_VARIABLES[server])
    return f"{server}: takes no user or password, since it is kept with every run; set {instead}"


def has_credentials(address: str) -> bool:
    """Whether a password, or with a server whatever stands before its name, is in an address."""
    try:
        parsed = urlsplit(address)
    except ValueError:
        return False  # what uses it says so
    return parsed.password is not None or (
        parsed.scheme.startswith("http") and parsed.username is not None
    )


@cache
def check_mlflow(address: str) -> None:
    """Make sure, once a process, that a tracking server lets this one in.

    Args:
        address: As `MLFLOW_TRACKING_URI` has it; what is no server is let pass.

    Raises:
        InputError: The server refuses, or there is none; the message says what to set.
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
    """Refuse a server without logged models; one that does not tell its version is let pass."""
    try:
        with urllib.request.urlopen(  # noqa: S310
            f"{address.rstrip('/')}/version", timeout=CONNECT_TIMEOUT
        ) as answer:
            version = answer.read(100).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        return
    major = re.match(r"([0-9]+)\.[0-9]", version)
    if major and int(major[1]) < _MIN_MLFLOW_VERSION:
        raise InputError(
            f"{MLFLOW_VARIABLE}: {address} is MLflow {version}; version 3 or newer is needed"
        )


def _wait_until_reachable(address: str) -> None:
    """Wait a little for a server that is being started; MLflow's client would wait four minutes."""
    until = time.monotonic() + CONNECT_TIMEOUT
    while not _is_reachable(address):
        if time.monotonic() > until:
            raise InputError(f"{MLFLOW_VARIABLE}: nothing answers at {address}")
        time.sleep(1)


def _is_reachable(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=CONNECT_TIMEOUT).close()  # noqa: S310 - begins with http
    except urllib.error.HTTPError:
        return True
    except urllib.error.URLError as error:
        # Whether a certificate is trusted is MLflow's to decide.
        return isinstance(error.reason, ssl.SSLError)
    except TimeoutError:
        return True  # it was reached, and is slow
    except OSError:
        return False
    except http.client.HTTPException as error:
        raise InputError(
            f"{MLFLOW_VARIABLE}: {address} answers, but not as an MLflow server"
        ) from error
    return True


def check_prefect() -> None:
    """Make sure that the Prefect server that is configured lets this process in.

    Raises:
        InputError: The server refuses, or there is none; the message says what to set.
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
    """Say that a server refuses this process, and what to set or to correct.

    Args:
        server: `MLFLOW` or `PREFECT`.

    Returns:
        One line that begins with the variable.
    """
    wanted = CREDENTIAL_VARIABLES[server]
    missing = [name for name in wanted if not os.environ.get(name)]
    place = f"the {_SERVER_NAMES[server]} server at {os.environ.get(server, '')}"
    if missing:
        return f"{missing[0]}: {place} asks who you are; set {' and '.join(wanted)}"
    return f"{wanted[-1]}: {place} does not accept {' and '.join(wanted)} as they are"


def permission_denied_message(error: BaseException) -> str | None:
    """Say that a server knows who asks and does not let them; told by the error alone.

    Args:
        error: Whatever was raised; MLflow need not be imported to look at it.

    Returns:
        One line, or None where it is something else.
    """
    if getattr(error, "error_code", None) != "PERMISSION_DENIED":
        return None
    user = os.environ.get(CREDENTIAL_VARIABLES[MLFLOW_VARIABLE][0], "this user")
    variable = CREDENTIAL_VARIABLES[MLFLOW_VARIABLE][0]
    return f"{variable}: the MLflow server does not allow {user} to do that"
