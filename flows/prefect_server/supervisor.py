"""Supervisor of the embedded Prefect server: a child process, restarted when it dies.

Prefect is not imported here, so that a command can launch the server before it imports Prefect.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from coldpress.errors import ServerStartError
from tasks.environment import credentials, deferred_signals, home, local_stack, processes

_MAX_EARLY_EXITS = 10
"""In a row; then the server counts as unable to start."""
_EARLY_SECONDS = 30.0
_SHORTEST_PAUSE = 0.05
_LONGEST_PAUSE = 5.0
_EXCEPTION_LINE = re.compile(r"[\w.]+(?:Error|Exception): ")
_STOP_SECONDS = 5.0
_TIMEOUT_VARIABLE = "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"
_START_TIMEOUT = 120.0
_SERVER_VARIABLES = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
}


@contextmanager
def embedded_server() -> Iterator[EmbeddedServer | None]:
    """Launch a server for a block and stop it at its end, unless the environment names one.

    Yields:
        The server, which may not be healthy yet; None if `PREFECT_API_URL` is set.

    Raises:
        InputError: This home's stack is up without its Prefect server.
    """
    stop_orphans()
    if credentials.PREFECT_VARIABLE in os.environ:
        yield None
        return
    local_stack.require_running(home.home_directory(), local_stack.PREFECT)
    server = EmbeddedServer(_record_folder() / f"{os.getpid()}.json")
    server.launch()
    try:
        yield server
    finally:
        with deferred_signals.defer_signals():
            server.stop()


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

        self._port = int(self._listener.getsockname()[1])

    @property
    def port(self) -> int:
        """The port on loopback, the same for the lifetime of this object."""
        return self._port

    @property
    def api_url(self) -> str:
        """The address for `PREFECT_API_URL`."""
        return f"http://127.0.0.1:{self._port}/api"

    def launch(self) -> None:
        """Start the server and keep it running; return at once."""
        threading.Thread(target=self._keep_running, name="embedded-server", daemon=True).start()

    def wait_until_healthy(self) -> None:
        """Return when the server answers.

        Raises:
            ServerStartError: The server failed or timed out.
        """
        deadline = time.monotonic() + float(os.environ.get(_TIMEOUT_VARIABLE, _START_TIMEOUT))
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
        self._output.close()
        for path in (self._record, self._record.with_suffix(".part")):
            path.unlink(missing_ok=True)

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
                env={**os.environ, **_SERVER_VARIABLES},
                pass_fds=[self._listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
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
    prefect = find_spec("prefect")
    folder = Path(str(prefect and prefect.origin)).parents[1]
    return [
        *(sys.executable, "-m", "uvicorn", "--app-dir", str(folder)),
        *("--factory", "prefect.server.api.server:create_app", "--fd", str(listener)),
        *("--log-level", "error", "--lifespan", "on"),
    ]


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


def stop_orphans() -> int:
    """Stop the servers that killed commands left behind.

    Returns:
        The number of servers stopped.
    """
    stopped = 0
    for path in sorted(_record_folder().glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, FileNotFoundError):
            record = {}
        if record and not processes.is_gone(record["owner"]):
            continue
        stopped += processes.terminate(record.get("server"))
        path.unlink(missing_ok=True)
    return stopped


def _record_folder() -> Path:
    folder = home.home_directory() / "servers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
