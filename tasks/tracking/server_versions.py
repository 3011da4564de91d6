"""Read a model version from an MLflow server without MLflow, whose import takes memory and time.

A service asks every few seconds and for months: it needs one request, and no client library.
"""

from __future__ import annotations

from dataclasses import dataclass

from coldpress.errors import InputError
from tasks.tracking import server_requests
from tasks.tracking.references import is_own, split_reference


@dataclass(frozen=True)
class ServerVersion:
    """A version that Coldpress registered, in the registry of a server.

    Attributes:
        name: Registered name.
        version: Its number.
        tags: Tags of the version.
    """

    name: str
    version: int
    tags: dict[str, str]


def find_version(address: str, reference: str) -> ServerVersion:
    """Ask an MLflow server for a version.

    Args:
        address: Of the server, `http://HOST:PORT`.
        reference: `name@alias` or `name/version`.

    Raises:
        InputError: There is no such version, the server refuses access, or another tool registered
            the version.
        OSError: The server does not respond, or reports an error of its own.
    """
    name, mark, selector = split_reference(reference)
    if mark == "@":
        answer = server_requests.get(address, "registered-models/alias", name=name, alias=selector)
    else:
        answer = server_requests.get(address, "model-versions/get", name=name, version=selector)
    if answer is None:
        raise InputError(f"model: no {reference} in the registry at {address}")
    entry = answer["model_version"]
    tags = {tag["key"]: tag.get("value", "") for tag in entry.get("tags", [])}
    if not is_own(tags, entry.get("source")):
        raise InputError(f"model: {name}/{entry['version']} was not made by Coldpress")
    return ServerVersion(name, int(entry["version"]), tags)
