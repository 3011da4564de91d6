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

MLFLOW, PREFECT = "MLFLOW_TRACKING_URI", "PREFECT_API_URL"
CREDENTIALS = {
    MLFLOW: ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"),
    PREFECT: ("PREFECT_API_AUTH_STRING",),
}
_FAULTS = {MLFLOW: server_address.mlflow_fault, PREFECT: server_address.prefect_fault}
_OLDEST = 3
_REGISTRY = "MLFLOW_REGISTRY_URI"
_TITLES = {MLFLOW: "MLflow", PREFECT: "Prefect"}
REFUSED = (401, 403)
PATIENCE = 20.0
"""Seconds until a tracking server that does not answer at all is given up."""
_UNKNOWN_TO_MLFLOW = re.compile("failed with error code (4[0-9][0-9]|501) ")
_REFUSED_BY_MLFLOW = {"UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED", "PERMISSION_DENIED"}


def check_addresses() -> None:
    """Refuse an address that cannot be used, or has credentials: it is kept with every run.

    Raises:
        InputError: Which variable it is; of credentials without its value.
    """
    for server, fault in _FAULTS.items():
        address = os.environ.get(server, "")
        if holds_credentials(address):
            raise InputError(in_address(server))
        why = fault(address) if address else None
        if why is not None:
            raise InputError(f"{server}: {why}")
    _check_registry()


def _check_registry() -> None:
    """Lineage leads from versions to runs and back: both are in one store."""
    registry, tracking = os.environ.get(_REGISTRY), os.environ.get(MLFLOW)
    if registry is None or tracking is None:
        return
    if registry != tracking:
        raise InputError(
            f"{_REGISTRY}: names another store than {MLFLOW}, and Coldpress keeps models and their"
            " runs in one; unset it"
        )
    del os.environ[_REGISTRY]


def in_address(server: str) -> str:
    """Say in one line where credentials belong."""
    instead = " and ".join(CREDENTIALS[server])
    return f"{server}: takes no user or password, since it is kept with every run; set {instead}"


def holds_credentials(address: str) -> bool:
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
    _check_answers(address)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    _check_version(address)
    try:
        MlflowClient(address).search_experiments(max_results=1)
    except MlflowException as error:
        if error.error_code in _REFUSED_BY_MLFLOW:
            raise InputError(refusal(MLFLOW)) from error
        if _UNKNOWN_TO_MLFLOW.search(str(error)):
            raise InputError(f"{MLFLOW}: {address} answers, but not as an MLflow server") from error
        raise


def _check_version(address: str) -> None:
    """Refuse a server without logged models; one that does not tell its version is let pass."""
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/version", timeout=PATIENCE) as answer:  # noqa: S310
            version = answer.read(100).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        return
    major = re.match(r"([0-9]+)\.[0-9]", version)
    if major and int(major[1]) < _OLDEST:
        raise InputError(f"{MLFLOW}: {address} is MLflow {version}; version 3 or newer is needed")


def _check_answers(address: str) -> None:
    """Wait a little for a server that is being started; MLflow's client would wait four minutes."""
    until = time.monotonic() + PATIENCE
    while not _answers(address):
        if time.monotonic() > until:
            raise InputError(f"{MLFLOW}: nothing answers at {address}")
        time.sleep(1)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=PATIENCE).close()  # noqa: S310 - begins with http
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
        raise InputError(f"{MLFLOW}: {address} answers, but not as an MLflow server") from error
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
        if error.response.status_code in REFUSED:
            raise InputError(refusal(PREFECT)) from error
        if error.response.is_client_error:
            raise InputError(
                f"{_prefect()} answers, but not as Prefect; does it end in /api?"
            ) from error
        raise
    except ConnectError as error:
        raise InputError(f"{_prefect()} cannot be reached: {error}") from error


def _prefect() -> str:
    return f"{PREFECT}: {os.environ.get(PREFECT, 'the server of a profile')}"


def refusal(server: str) -> str:
    """Say that a server refuses this process, and what to set or to correct.

    Args:
        server: `MLFLOW` or `PREFECT`.

    Returns:
        One line that begins with the variable.
    """
    wanted = CREDENTIALS[server]
    missing = [name for name in wanted if not os.environ.get(name)]
    place = f"the {_TITLES[server]} server at {os.environ.get(server, '')}"
    if missing:
        return f"{missing[0]}: {place} asks who you are; set {' and '.join(wanted)}"
    return f"{wanted[-1]}: {place} does not accept {' and '.join(wanted)} as they are"


def forbidden(error: BaseException) -> str | None:
    """Say that a server knows who asks and does not let them; told by the error alone.

    Args:
        error: Whatever was raised; MLflow need not be imported to look at it.

    Returns:
        One line, or None where it is something else.
    """
    if getattr(error, "error_code", None) != "PERMISSION_DENIED":
        return None
    user = os.environ.get(CREDENTIALS[MLFLOW][0], "this user")
    return f"{CREDENTIALS[MLFLOW][0]}: the MLflow server does not allow {user} to do that"
