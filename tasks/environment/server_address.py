"""Whether an address can be that of an MLflow store or of a Prefect server."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

_WITHOUT_SCHEME = re.compile(r"[\w.-]+:\d+(/.*)?")
_HINT = "give http://HOST:PORT or sqlite:///FILE, or unset it to use COLDPRESS_HOME"


def mlflow_address_error(address: str) -> str | None:
    """Say in one line why MLflow cannot keep runs and models at an address.

    Args:
        address: As `MLFLOW_TRACKING_URI` has it.

    Returns:
        None where nothing speaks against it; whether a server answers is not asked.
    """
    try:
        scheme = urlsplit(address).scheme
    except ValueError as error:
        return f"{address} is no address: {error}"
    if _WITHOUT_SCHEME.fullmatch(address):
        return f"{address} has no scheme: is it http://{address}?"
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
    """Say in one line why an address cannot be that of a Prefect server.

    Args:
        address: As `PREFECT_API_URL` has it.

    Returns:
        None where nothing speaks against it; whether a server answers is not asked.
    """
    if not address.startswith(("http://", "https://")):
        return f"{address} is no address of a Prefect server: give http://HOST:PORT/api"
    return _server_address_error(address)


def _server_address_error(address: str) -> str | None:
    try:
        parsed = urlsplit(address)
        named = parsed.hostname and (parsed.port is None or parsed.port > 0)
    except ValueError as error:
        return f"{address} is no address of a server: {error}"
    return None if named else f"{address} is no address of a server: it names no host"


def _sqlite_address_error(address: str) -> str | None:
    """A database in memory would be gone with the process; a missing folder is not made."""
    file = address.partition("///")[2].partition("?")[0]
    if not file or file == ":memory:":
        return f"{address} is a database in memory, which would keep nothing; {_HINT}"
    folder = Path(file).parent
    if not file.startswith("file:") and not folder.is_dir():
        return f"no folder {folder}, in which the database is to be"
    return None
