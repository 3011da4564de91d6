"""Ctrl-C, SIGTERM and SIGHUP: the first one ends the command in order, at a moment it can bear."""

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
    """A signal asked this command to end."""


Client = TypeVar("Client")


@dataclass
class _State:
    """What has come so far.

    Attributes:
        handles: Whether this process handles signals here.
        number: The first signal that came; 0 before that.
        overdue: Whether clean-up has taken so long that it is interrupted as well.
        hurry: Called when the signal comes.
    """

    handles: bool = False
    number: int = 0
    overdue: bool = False
    hurry: list[Callable[[], None]] = field(default_factory=list)


_state = _State()


def enable() -> None:
    """Turn the first signal into an exception in the main thread; later ones change nothing.

    Somebody who presses Ctrl-C twice wants the command to end, not its clean-up. That has a bounded
    time of its own. A signal that is ignored, as by `nohup`, stays ignored.
    """
    _state.handles = True
    reinstall_handlers()
    os.register_at_fork(
        before=_block_signals, after_in_parent=_unblock_signals, after_in_child=_reset_in_child
    )
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    # The system writes here whatever Python code is at: compiled code may run for minutes.
    signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
    threading.Thread(
        target=_limit_cleanup_time, args=(reader,), name="interruptions", daemon=True
    ).start()


def is_enabled() -> bool:
    """Whether this process handles signals here."""
    return _state.handles


def reinstall_handlers() -> None:
    """Install the handlers, again where a library has put its own."""
    for number in _SIGNALS:
        if _state.handles and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle_signal)


def on_interrupt(call: Callable[[], None]) -> None:
    """Have something done as soon as a signal comes, before anything is cleaned up."""
    _state.hurry.append(call)


def exit_code() -> int | None:
    """Return 128 + the number of the signal that came; None where none did."""
    return 128 + _state.number if _state.number else None


def exit_process(code: int) -> NoReturn:
    """Exit in bounded time, deaf to signals: all that mattered is done.

    Args:
        code: The exit code.
    """
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # closed: nobody reads it
            stream.flush()
    if _state.number:
        os._exit(code)  # threads of libraries may still wait for servers
    limit_exit_time(code)
    sys.exit(code)


def limit_exit_time(code: int) -> None:
    """Have this process, which is about to exit by itself, do so within half a minute.

    Libraries wait at exit until their last reports are sent, however long that takes.

    Args:
        code: The exit code where it does not.
    """
    threading.Thread(target=_exit_after_timeout, args=(code,), daemon=True).start()


def _handle_signal(number: int, _: FrameType | None) -> None:
    if _state.number and not _state.overdue:
        return
    _state.number = _state.number or number
    _state.overdue = False
    for call in _state.hurry:
        call()
    raise Interrupted


def _limit_cleanup_time(reader: socket.socket) -> None:
    """Interrupt a clean-up that takes too long, and end the process if that does not help."""
    number = 0
    while number not in _SIGNALS:
        number = reader.recv(1)[0]
    time.sleep(_CLEANUP_TIMEOUT)
    _state.overdue = True
    signal.pthread_kill(threading.main_thread().ident or 0, number)
    time.sleep(_FORCED_EXIT_DELAY)
    os.write(2, b"coldpress: interrupted; it did not end in time and was stopped\n")
    os._exit(128 + number)


def _exit_after_timeout(code: int) -> None:
    time.sleep(_EXIT_TIMEOUT)
    os._exit(code)


def _block_signals() -> None:
    """What comes for a process that is being forked must not be taken for its parent's."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _unblock_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _reset_in_child() -> None:
    """A process that is forked ends as its parent tells it, and tells nobody."""
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        if signal.getsignal(number) is _handle_signal:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, default)
    _unblock_signals()


@contextmanager
def defer_signals() -> Iterator[None]:
    """Deliver an interruption when the block is done, not inside of it.

    One that hits a write to SQLite leaves its transaction open for as long as the exception lives,
    and with it the database locked against the very writes that are to close the run.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals interrupt the main thread alone
        return
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if _state.overdue:
            _handle_signal(number, frame)

    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    before = {n: handler for n, handler in handlers.items() if handler is not signal.SIG_IGN}
    try:
        for number in before:
            signal.signal(number, note)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


class _DeferringProxy:
    """Stands in for an object whose calls write to a database of this machine."""

    def __init__(self, held: object) -> None:
        self._held = held

    def __getattr__(self, name: str) -> object:
        found = getattr(self._held, name)
        if not callable(found):
            return found

        def call(*args: object, **named: object) -> object:
            with defer_signals():
                return found(*args, **named)

        return call


def defer_during_calls(client: Client) -> Client:
    """Hold signals back during each call of a client.

    Args:
        client: Of a database on this machine, whose calls take moments. Those of a server may
            wait for minutes, and must end when somebody wants them to.

    Returns:
        The same, as far as anybody can see.
    """
    return cast("Client", _DeferringProxy(client))
