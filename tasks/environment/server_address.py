"""Validate the addresses of MLflow stores and Prefect servers."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

_WITHOUT_SCHEME = re.compile(r"[\w.-]+:\d+(/.*)?")
_HINT = "give http://HOST:PORT or sqlite:///FILE, or unset it to use COLDPRESS_HOME"


def mlflow_address_error(address: str) -> str | None:
    """Return in one line why an address is not valid for MLflow.

    Args:
        address: The value of `MLFLOW_TRACKING_URI`.

    Returns:
        None if it is valid; the server is not contacted.
    """
    try:
        scheme = urlsplit(address).scheme
    except ValueError as error:
        return f"{address} is not a valid address: {error}"
    if _WITHOUT_SCHEME.fullmatch(address):
        return f"{address} has no scheme; did you mean http://{address}?"
    if re.match("(databricks|uc)(-|:|$)", address):
        return f"{address} is not a store that Coldpress can use; {_HINT}"
    if scheme in {"", "file"} or len(scheme) == 1:
        return f"{address} is a folder, and MLflow keeps no runs in folders any more; {_HINT}"
    if scheme in {"http", "https"}:
        return _server_address_error(address)
    if scheme.startswith("sqlite"):
        return _sqlite_address_error(address)
    return None


def prefect_address_error(address: str) -> str | None:
    """Return in one line why an address is not valid for a Prefect server.

    Args:
        address: The value of `PREFECT_API_URL`.

    Returns:
        None if it is valid; the server is not contacted.
    """
    if not address.startswith(("http://", "https://")):
        return f"{address} is not the address of a Prefect server; give http://HOST:PORT/api"
    return _server_address_error(address)


def _server_address_error(address: str) -> str | None:
    try:
        parsed = urlsplit(address)
        has_host = parsed.hostname and (parsed.port is None or parsed.port > 0)
    except ValueError as error:
        return f"{address} is not a valid server address: {error}"
    return None if has_host else f"{address} is not a valid server address: it has no host"


def _sqlite_address_error(address: str) -> str | None:
    """Refuse a database in memory, which ends with the process, and one in a missing folder."""
    file = address.partition("///")[2].partition("?")[0]
    if not file or file == ":memory:":
        return f"{address} is a database in memory, which is lost when the process ends; {_HINT}"
    folder = Path(file).parent
    if not file.startswith("file:") and not folder.is_dir():
        return f"the folder of the database, {folder}, does not exist"
    return None
