"""Ctrl-C, SIGTERM and SIGHUP: the first one ends the command cleanly, outside critical blocks."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import NoReturn, TypeVar, cast

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CLEANUP_TIMEOUT = 20.0
_FORCED_EXIT_DELAY = 10.0
_EXIT_TIMEOUT = 30.0


class Interrupted(KeyboardInterrupt):
    """Raised in the main thread when a signal asks this command to end."""


Client = TypeVar("Client")


@dataclass
class _State:
    """State of the signal handling.

    Attributes:
        enabled: Whether this module handles the signals of this process.
        number: The first signal that arrived; 0 before that.
        overdue: Whether the clean-up has exceeded its timeout and is interrupted as well.
        callbacks: Called when the signal arrives.
    """

    enabled: bool = False
    number: int = 0
    overdue: bool = False
    callbacks: list[Callable[[], None]] = field(default_factory=list)


_state = _State()


def enable() -> None:
    """Turn the first signal into an exception in the main thread and ignore later ones.

    Pressing Ctrl-C twice must not interrupt the clean-up, which has a timeout of its own. A signal
    that is ignored, as by `nohup`, stays ignored.
    """
    _state.enabled = True
    reinstall_handlers()
    os.register_at_fork(
        before=_block_signals, after_in_parent=_unblock_signals, after_in_child=_reset_in_child
    )
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    # The signal handler in C writes here even while compiled code runs for minutes.
    signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
    threading.Thread(
        target=_limit_cleanup_time, args=(reader,), name="interruptions", daemon=True
    ).start()


def is_enabled() -> bool:
    """Return whether this module handles the signals of this process."""
    return _state.enabled


def reinstall_handlers() -> None:
    """Install the handlers, again if a library has replaced them."""
    for number in _SIGNALS:
        if _state.enabled and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle_signal)


def on_interrupt(callback: Callable[[], None]) -> None:
    """Register a callback to run when the first signal arrives, before any clean-up."""
    _state.callbacks.append(callback)


def exit_code() -> int | None:
    """Return 128 + the number of the signal that arrived; None if there was none."""
    return 128 + _state.number if _state.number else None


def exit_process(code: int) -> NoReturn:
    """Exit within a timeout, ignoring signals; all important work is done."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # closed by the reader
            stream.flush()
    if _state.number:
        os._exit(code)  # library threads may still be waiting for servers
    limit_exit_time(code)
    sys.exit(code)


def limit_exit_time(code: int) -> None:
    """Limit the time that the exit of this process takes to half a minute.

    Libraries wait at exit until their last reports are sent, without a timeout.

    Args:
        code: The exit code if the timeout is reached.
    """
    threading.Thread(target=_exit_after_timeout, args=(code,), daemon=True).start()


def _handle_signal(number: int, _: FrameType | None) -> None:
    if _state.number and not _state.overdue:
        return
    _state.number = _state.number or number
    _state.overdue = False
    for callback in _state.callbacks:
        callback()
    raise Interrupted


def _limit_cleanup_time(reader: socket.socket) -> None:
    """Interrupt a clean-up that exceeds its timeout, and kill the process if that fails."""
    number = 0
    while number not in _SIGNALS:
        number = reader.recv(1)[0]
    time.sleep(_CLEANUP_TIMEOUT)
    _state.overdue = True
    signal.pthread_kill(threading.main_thread().ident or 0, number)
    time.sleep(_FORCED_EXIT_DELAY)
    os.write(2, b"coldpress: interrupted; the clean-up did not end in time and was stopped\n")
    os._exit(128 + number)


def _exit_after_timeout(code: int) -> None:
    time.sleep(_EXIT_TIMEOUT)
    os._exit(code)


def _block_signals() -> None:
    """Block signals during a fork: the child must not take them for its parent's."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _unblock_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _reset_in_child() -> None:
    """Restore the default handlers in a forked child."""
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        if signal.getsignal(number) is _handle_signal:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, default)
    _unblock_signals()


@contextmanager
def defer_signals() -> Iterator[None]:
    """Deliver an interruption at the end of the block, not inside it.

    An interrupted write to SQLite leaves its transaction open as long as the exception lives, so
    the database would stay locked for the writes that close the run.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals interrupt only the main thread
        return
    received: list[int] = []

    def record(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if _state.overdue:
            _handle_signal(number, frame)

    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    active = {n: handler for n, handler in handlers.items() if handler is not signal.SIG_IGN}
    try:
        for number in active:
            signal.signal(number, record)
        yield
    finally:
        for number, handler in active.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


class _DeferringProxy:
    """Proxy of a client that defers signals during each of its calls."""

    def __init__(self, client: object) -> None:
        self._client = client

    def __getattr__(self, name: str) -> object:
        attribute = getattr(self._client, name)
        if not callable(attribute):
            return attribute

        def call(*args: object, **kwargs: object) -> object:
            with defer_signals():
                return attribute(*args, **kwargs)

        return call


def defer_during_calls(client: Client) -> Client:
    """Defer signals during each call of a client.

    Args:
        client: Client of a local database, whose calls are short. Calls to a server may wait for
            minutes and must stay interruptible.

    Returns:
        A proxy with the same interface.
    """
    return cast("Client", _DeferringProxy(client))
