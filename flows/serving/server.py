"""The process of the service: its socket, its log, the watch beside it, and its end."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from coldpress.errors import InputError
from flows.serving.bearer_token import TOKEN_VARIABLE, read_token
from flows.serving.http_protocol import HttpProtocol
from flows.serving.model_slot import ModelSlot
from flows.serving.thread_priority import lower_priority
from tasks.environment import garbage_collector

CLOSING_SECONDS = 2
"""Seconds after SIGTERM in which open connections may send one more request."""
DRAIN_SECONDS = 15
"""Seconds that running requests get then; `deferred_signals` ends the process after 20."""
_CHECK_SECONDS = 0.05
_KEEP_ALIVE_SECONDS = 65
"""Longer than the 60 s after which common proxies close idle connections themselves."""
_LOG = logging.getLogger("coldpress.serving")

_SWITCH_SECONDS = 0.0005
"""After which a thread gives up Python's lock if another one waits for it. By default a prediction
that is done would wait up to 5 ms for the event loop, which reads other requests meanwhile."""
_AWAITED_SECONDS = 15
"""Seconds that awaited threads get at the end."""


@dataclass(frozen=True)
class Background:
    """Runs in a thread beside the server.

    Attributes:
        run: Ends when the event is set.
        awaited: Whether the process waits for its end. Otherwise predictions have priority.
    """

    run: Callable[[threading.Event], None]
    awaited: bool = False

    def start(self, stop: threading.Event) -> None:
        """Run in this thread."""
        if not self.awaited:
            lower_priority()
        self.run(stop)


class _Server(uvicorn.Server):
    """A server that announces the end of a connection to the client before it closes it.

    uvicorn closes idle connections at once, and with them requests that are on their way.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more connections, end each open one with an answer, and shut down."""
        for server in self.servers:
            server.close()
        # The list is shared with running requests.
        self.server_state.default_headers.append((b"connection", b"close"))
        deadline = time.monotonic() + CLOSING_SECONDS
        while self._has_connections() and time.monotonic() < deadline:
            await asyncio.sleep(_CHECK_SECONDS)
        await super().shutdown(sockets)

    def _has_connections(self) -> bool:
        return bool(self.server_state.connections) and not self.force_exit


def open_socket(host: str, port: int) -> socket.socket:
    """Listen on an address.

    Args:
        host: Name or address; 127.0.0.1 is reachable from this machine only.
        port: 0 for any free port.

    Raises:
        InputError: The address cannot be used.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"--host, --port: cannot listen on {host}:{port}: {reason}") from error


def run(
    slot: ModelSlot,
    application: ASGIApp,
    listener: socket.socket,
    background: Sequence[Background],
    stop: threading.Event,
) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish running requests.

    Args:
        slot: With a loaded model.
        application: Answers requests with it.
        listener: Of `open_socket`.
        background: Runs in threads beside the server.
        stop: Set at the end, for the threads and their downloads.
    """
    _set_up_log()
    garbage_collector.resume()
    sys.setswitchinterval(_SWITCH_SECONDS)
    server = _Server(
        uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            http=HttpProtocol,
            loop="uvloop",
            proxy_headers=False,  # nothing depends on the client's address
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    _announce(slot, listener)
    with _running(background, stop), suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


@contextmanager
def _running(background: Sequence[Background], stop: threading.Event) -> Iterator[None]:
    """Run threads while the block runs."""
    threads = [threading.Thread(target=b.start, args=(stop,), daemon=True) for b in background]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        with suppress(KeyboardInterrupt):  # the process has had its time to end
            for thread, task in zip(threads, background, strict=True):
                if task.awaited:
                    thread.join(_AWAITED_SECONDS)


def _announce(slot: ModelSlot, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    _LOG.info("%s at http://%s:%s", slot.model.reference, shown, port)
    if not host.startswith("127.") and host != "::1" and read_token() is None:
        _LOG.warning("other machines can reach this address; %s is not set", TOKEN_VARIABLE)


def _set_up_log() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
    for name, level in (("coldpress.serving", logging.INFO), ("uvicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.addHandler(handler)
        logger.propagate = False
