"""Supervisor of the embedded Prefect server: a child process, restarted when it dies."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import prefect
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import (
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    get_current_settings,
)

from coldpress.errors import ServerStartError
from tasks.environment import processes

_MAX_EARLY_EXITS = 10
"""In a row; then the server counts as unable to start."""
_EARLY_SECONDS = 30.0
_SHORTEST_PAUSE = 0.05
_LONGEST_PAUSE = 5.0
_EXCEPTION_LINE = re.compile(r"[\w.]+(?:Error|Exception): ")
_STOP_SECONDS = 5.0
_SERVER_VARIABLES = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
}


class EmbeddedServer:
    """One server for the duration of a command.

    The listening socket belongs to this process. While the server restarts, connections wait in
    the socket's queue, and the next server answers them on the same port with the same database.
    """

    def __init__(self, record: Path) -> None:
        self._record = record
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        # The server does not set this option on an inherited socket; accepted connections have it.
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - `stop` closes it
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        self._ended = threading.Event()

    @property
    def port(self) -> int:
        """The port on loopback, the same for the lifetime of this object."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Start the server, keep it running, and return when it is healthy.

        Raises:
            ServerStartError: The server failed or timed out.
        """
        self._register_with_prefect()
        threading.Thread(target=self._keep_running, name="embedded-server", daemon=True).start()
        deadline = time.monotonic() + PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value()
        while not _is_healthy(self.port):
            if self._ended.is_set() or time.monotonic() > deadline:
                raise ServerStartError(
                    f"the embedded Prefect server failed: {self._failure_reason()}"
                )
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the server for good."""
        self._ended.set()
        with self._starting:
            self._listener.close()
            process = self._process
        if process is not None:
            _terminate(process)
        SubprocessASGIServer().stop()
        self._output.close()
        for path in (self._record, self._record.with_suffix(".part")):
            path.unlink(missing_ok=True)

    def _register_with_prefect(self) -> None:
        """Tell the singleton that Prefect's clients ask; otherwise they start another server."""
        server = SubprocessASGIServer()
        server.port = self.port
        server.running = True

    def _keep_running(self) -> None:
        try:
            self._restart_until_stopped()
        finally:
            self._ended.set()
            self._listener.close()  # refuse connections at once that nobody will answer

    def _restart_until_stopped(self) -> None:
        early_exits = 0
        while early_exits < _MAX_EARLY_EXITS:
            start = time.monotonic()
            process = self._launch()
            code = None if process is None else process.wait()
            if code is None or self._ended.is_set():
                return
            if code < 0:
                early_exits = early_exits + 1 if time.monotonic() - start < _EARLY_SECONDS else 0
            else:
                early_exits += 5  # an exit without a signal will recur: allow two
            if early_exits < _MAX_EARLY_EXITS:
                _warn(f"{_describe_exit(code)} and is restarted")
                self._ended.wait(min(_LONGEST_PAUSE, _SHORTEST_PAUSE * 2**early_exits))
        _warn("does not stay up: this run no longer reports to Prefect")

    def _launch(self) -> subprocess.Popen[bytes] | None:
        """Start the server in its own session, out of reach of the terminal's signals."""
        with self._starting:
            if self._ended.is_set():
                return None
            launcher = [
                sys.executable,
                "-P",
                "-m",
                "flows.prefect_server.process",
                str(self._record),
            ]
            self._process = subprocess.Popen(  # noqa: S603
                [
                    *launcher,
                    processes.current_process_identity(),
                    *_server_command(self._listener.fileno()),
                ],
                cwd=self._record.parent,  # Prefect reads `prefect.toml` and `.env` from here
                env={**os.environ, **_SERVER_VARIABLES, **_settings_in_effect()},
                pass_fds=[self._listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            SubprocessASGIServer().server_process = self._process
            return self._process

    def _failure_reason(self) -> str:
        """The last exception in the server's output, else its last line."""
        self._output.seek(0)
        output = self._output.read().decode(errors="replace")
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        exceptions = [line for line in lines if _EXCEPTION_LINE.match(line)]
        return (exceptions or lines or ["it does not answer"])[-1]


def _describe_exit(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _warn(event: str) -> None:
    sys.stderr.write(f"coldpress: the embedded Prefect server {event}\n")


def _server_command(listener: int) -> list[str]:
    return [
        *(sys.executable, "-m", "uvicorn", "--app-dir", str(prefect.__module_path__.parent)),
        *("--factory", "prefect.server.api.server:create_app", "--fd", str(listener)),
        *("--log-level", "error", "--lifespan", "on"),
    ]


def _settings_in_effect() -> dict[str, str]:
    return get_current_settings().to_environment_variables(exclude_unset=True)


def _is_healthy(port: int) -> bool:
    """Ask over loopback, without a proxy; a connection may wait for a restart."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _terminate(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
