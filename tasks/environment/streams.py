"""Standard streams that may be closed, full, without a reader, or not in UTF-8."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class OutputError(OSError):
    """Output could not be written."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"

    def is_broken_pipe(self) -> bool:
        """Return whether the reader has closed the pipe, as `head` does."""
        return self.errno == errno.EPIPE


class _Stdout(io.FileIO):
    """Raises `OutputError`, to be distinguished from a broken pipe to a server."""

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        try:
            return super().write(data) or 0
        except OSError as error:
            _redirect_to_devnull(self.fileno())
            raise OutputError(error.errno, error.strerror, "standard output") from error


class _Stderr(io.FileIO):
    """Never raises: the error could not be printed anywhere."""

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        try:
            return super().write(data) or 0
        except OSError:
            _redirect_to_devnull(self.fileno())
            return len(data)


def prepare_streams() -> None:
    """Make the standard streams writable, however this process was started.

    Must be called before any file is opened, which would take the descriptor of a closed stream.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, _open_devnull(mode))
    _ensure_utf8()
    unbuffered = getattr(sys.stdout, "write_through", False)
    sys.stdout = _text_stream(_Stdout(sys.stdout.fileno(), "w", closefd=False), unbuffered)
    sys.stderr = _text_stream(_Stderr(sys.stderr.fileno(), "w", closefd=False), True)


def _open_devnull(mode: str) -> TextIO:
    descriptor = os.open(os.devnull, os.O_RDWR)
    os.set_inheritable(descriptor, descriptor <= 2)
    return open(descriptor, mode, encoding="utf-8")  # type: ignore[return-value]  # noqa: PTH123


def _ensure_utf8() -> None:
    """Restart in UTF-8 mode if paths, arguments and files would use another encoding.

    This is the case under LC_ALL=C with PYTHONUTF8=0, and in non-UTF-8 locales.
    """
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


def _text_stream(raw: io.FileIO, by_line: bool) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=by_line or raw.isatty(),
    )


def _redirect_to_devnull(descriptor: int) -> None:
    """Redirect a stream to /dev/null, so that flushing what is buffered cannot fail."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, descriptor)
    os.close(devnull)


@contextmanager
def optional_output() -> Iterator[None]:
    """Print optional output: failing to write it does not change the exit code."""
    try:
        yield
        sys.stdout.flush()
    except OutputError as error:
        if not error.is_broken_pipe():
            sys.stderr.write(f"coldpress: {error}\n")


def is_reader_gone() -> bool:
    """Return whether standard output has lost its reader, without writing to it."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
