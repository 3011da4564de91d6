"""Names by which clients may address the service: a protection from DNS rebinding.

A page of another site can let its own name resolve to this machine, and then send requests from a
user's browser as if they were to itself. Their `Host` is that site's name, which is a public one. A
page cannot choose an address or a name without a dot, so these are always allowed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from starlette.requests import Request

from flows.serving.limits import RequestError


class AllowedHosts:
    """Checks the header `Host`."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Set up the check.

        Args:
            names: Allowed in addition, without ports.
        """
        self._names = frozenset(name.strip().rstrip(".").lower() for name in names)

    def check(self, request: Request) -> None:
        """Refuse a request to another name; one without the header does not come from a browser.

        Args:
            request: Of any path.

        Raises:
            RequestError: 403.
        """
        header = request.headers.get("host", "")
        if header and _public_name(header) and _host_name(header) not in self._names:
            message = f"Host: {header[:100]!r} is not a name of this service; see --allowed-hosts"
            raise RequestError(403, message)


@lru_cache(maxsize=64)
def _public_name(header: str) -> bool:
    name = _host_name(header)
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return "." in name
    return False


def _host_name(header: str) -> str:
    """Return the name without port, in small letters."""
    name, _, port = header.rpartition(":")
    return (name if name and port.isdigit() else header).rstrip(".").lower()
