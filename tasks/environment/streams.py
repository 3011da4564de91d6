"""Standard streams that are closed, full, no longer read, or in another encoding than UTF-8."""

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
    """What was to be written somewhere could not be."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"

    def is_unread(self) -> bool:
        """Whether the reader has just seen enough, as `head` has."""
        return self.errno == errno.EPIPE


class _Stdout(io.FileIO):
    """Raises an error of its own: a broken pipe to a server is another matter."""

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        try:
            return super().write(data) or 0
        except OSError as error:
            _redirect_to_devnull(self.fileno())
            raise OutputError(error.errno, error.strerror, "standard output") from error


class _Stderr(io.FileIO):
    """Never raises: there is nowhere left to write that messages cannot be written."""

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        try:
            return super().write(data) or 0
        except OSError:
            _redirect_to_devnull(self.fileno())
            return len(data)


def prepare_streams() -> None:
    """Make standard streams that can be written to, whatever this process was started with.

    To be called first of all: what is opened next takes the numbers of streams that are closed.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, _open_devnull(mode))
    _ensure_utf8()
    at_once = getattr(sys.stdout, "write_through", False)
    sys.stdout = _text_stream(_Stdout(sys.stdout.fileno(), "w", closefd=False), at_once)
    sys.stderr = _text_stream(_Stderr(sys.stderr.fileno(), "w", closefd=False), True)


def _open_devnull(mode: str) -> TextIO:
    descriptor = os.open(os.devnull, os.O_RDWR)
    os.set_inheritable(descriptor, descriptor <= 2)
    return open(descriptor, mode, encoding="utf-8")  # type: ignore[return-value]  # noqa: PTH123


def _ensure_utf8() -> None:
    """Start again in UTF-8 mode where paths, arguments and files would be read in another encoding.

    That is so under LC_ALL=C with PYTHONUTF8=0, and in locales of the last century.
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
    """Let a stream lead nowhere, so that what is still buffered fails nobody."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


@contextmanager
def optional_output() -> Iterator[None]:
    """Print something that the command is not about: what is lost of it changes no exit code."""
    try:
        yield
        sys.stdout.flush()
    except OutputError as error:
        if not error.is_unread():
            sys.stderr.write(f"coldpress: {error}\n")


def is_reader_gone() -> bool:
    """Whether nobody will read standard output any more, asked without writing to it."""
    asked = select.poll()
    asked.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in asked.poll(0))
