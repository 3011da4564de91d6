"""Prefect's embedded server: a child process that is started again whenever it dies."""

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
"""In a row: a server that cannot even start is not started for ever."""
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
    """One server for the length of a command.

    The listening socket belongs to this process. While no server is there, connections wait in
    the socket's queue instead of being refused, and the next server answers them: on the same port,
    with the same database.
    """

    def __init__(self, record: Path) -> None:
        self._record = record
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        # The server takes the socket for one without this option; what it accepts inherits it.
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - `stop` closes it
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        self._ended = threading.Event()

    @property
    def port(self) -> int:
        """Where it answers, on loopback, as long as this object lives."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Start the server, keep it running, and return when it answers.

        Raises:
            ServerFailedError: It does not come to answer.
        """
        self._lead_prefect_here()
        threading.Thread(target=self._keep_running, name="embedded-server", daemon=True).start()
        until = time.monotonic() + PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value()
        while not _is_healthy(self.port):
            if self._ended.is_set() or time.monotonic() > until:
                raise ServerStartError(f"the embedded Prefect server failed: {self._reason()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End the server for good."""
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

    def _lead_prefect_here(self) -> None:
        """Prefect's clients ask this singleton, and start a server of their own if it has none."""
        server = SubprocessASGIServer()
        server.port = self.port
        server.running = True

    def _keep_running(self) -> None:
        try:
            self._start_over_and_over()
        finally:
            self._ended.set()
            self._listener.close()  # refuse at once what nobody will answer

    def _start_over_and_over(self) -> None:
        deaths = 0
        while deaths < _MAX_EARLY_EXITS:
            began, process = time.monotonic(), self._launch()
            code = None if process is None else process.wait()
            if code is None or self._ended.is_set():
                return
            if code < 0:
                deaths = deaths + 1 if time.monotonic() - began < _EARLY_SECONDS else 0
            else:
                deaths += 5  # twice by itself is enough: whatever keeps it from starting stays
            if deaths < _MAX_EARLY_EXITS:
                _warn(f"{_describe_exit(code)} and is started again")
                self._ended.wait(min(_LONGEST_PAUSE, _SHORTEST_PAUSE * 2**deaths))
        _warn("does not stay up: Prefect is told nothing more")

    def _launch(self) -> subprocess.Popen[bytes] | None:
        """In a session of its own: what a terminal sends to this command must not end it."""
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
                cwd=self._record.parent,  # it reads `prefect.toml` and `.env` of where it starts
                env={**os.environ, **_SERVER_VARIABLES, **_settings_in_effect()},
                pass_fds=[self._listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            SubprocessASGIServer().server_process = self._process
            return self._process

    def _reason(self) -> str:
        self._output.seek(0)
        lines = self._output.read().decode(errors="replace").splitlines()
        said = [line.strip() for line in lines if line.strip()]
        raised = [line for line in said if _EXCEPTION_LINE.match(line)]
        return (raised or said or ["it gives no answer"])[-1]


def _describe_exit(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _warn(what: str) -> None:
    sys.stderr.write(f"coldpress: the embedded Prefect server {what}\n")


def _server_command(listener: int) -> list[str]:
    return [
        *(sys.executable, "-m", "uvicorn", "--app-dir", str(prefect.__module_path__.parent)),
        *("--factory", "prefect.server.api.server:create_app", "--fd", str(listener)),
        *("--log-level", "error", "--lifespan", "on"),
    ]


def _settings_in_effect() -> dict[str, str]:
    return get_current_settings().to_environment_variables(exclude_unset=True)


def _is_healthy(port: int) -> bool:
    """Asked on loopback, past any proxy; a connection may wait for a server that is to come."""
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
