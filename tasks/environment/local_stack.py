"""Records of the servers of `coldpress up`: one small file per server."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import psutil

from coldpress.errors import InputError
from tasks.environment import processes
from tasks.environment.atomic_file import write_text_atomic

MLFLOW = "mlflow"
PREFECT = "prefect"
WORKER = "worker"
MARKER = "COLDPRESS_STACK"
"""Environment variable of all processes of a server and their children: see `marker`."""


@dataclass(frozen=True)
class ServerRecord:
    """State of one server of the stack.

    Attributes:
        port: Its last port on loopback; None for the worker.
        process: From `processes.process_identity`; None if it is not meant to run.
    """

    port: int | None = None
    process: str | None = None


def stack_folder(home: Path) -> Path:
    """Return the folder of the files of a home's stack."""
    return home / "stack"


def artifact_folder(home: Path) -> Path:
    """Return the folder in which the MLflow server of a home's stack stores artifacts."""
    return stack_folder(home) / "artifacts"


def artifacts_on_disk(home: Path, address: str, location: str) -> Path | None:
    """Return where the stack of a home stores artifacts, so that they need not be downloaded.

    Args:
        home: See `tasks.environment.home.home_directory`.
        address: The tracking server in use.
        location: Of a file or directory, as the server gives it: `mlflow-artifacts:/1/...`.

    Returns:
        An existing path; None if the running stack of this home does not serve the location.
    """
    scheme, _, path = location.partition(":/")
    if scheme != "mlflow-artifacts" or path.startswith("/") or "%" in path:
        return None
    record = read_server_record(home, MLFLOW)
    if not is_running(record) or address != loopback_url(record.port):
        return None
    folder = artifact_folder(home).resolve()
    found = (folder / path).resolve()
    return found if found.exists() and found.is_relative_to(folder) else None


def read_server_record(home: Path, server: str) -> ServerRecord:
    """Read the record of a server; an empty one if there is no readable file.

    Args:
        home: See `tasks.environment.home.home_directory`.
        server: `mlflow`, `prefect` or `worker`.
    """
    try:
        content = json.loads(_record_path(home, server).read_text(encoding="utf-8"))
        record = ServerRecord(content["port"], content["process"])
        return ServerRecord() if _belongs_to_other_home(record, home) else record
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return ServerRecord()


def marker(home: Path, server: str) -> str:
    """Return the value of `MARKER` for all processes of a server and their children."""
    return f"{server}@{stack_folder(home)}"


def _belongs_to_other_home(record: ServerRecord, home: Path) -> bool:
    """Return whether the home was copied while its stack ran, which belongs to the original."""
    number = running_pid(record)
    if number is None:
        return False
    with suppress(psutil.Error, OSError):
        folder = psutil.Process(number).environ().get(MARKER, "").partition("@")[2]
        return bool(folder) and not Path(folder).samefile(stack_folder(home))
    return False


def write_server_record(home: Path, server: str, record: ServerRecord) -> None:
    """Write the record of a server atomically."""
    write_text_atomic(_record_path(home, server), json.dumps(asdict(record)))


def is_running(record: ServerRecord) -> bool:
    """Return whether the recorded process is still alive, on this machine."""
    return running_pid(record) is not None


def running_pid(record: ServerRecord) -> int | None:
    """Return the pid of a server if its recorded process is still alive, on this machine."""
    name = record.process
    return int(name.rsplit(":", 2)[1]) if name and processes.is_alive(name) else None


def started_at(record: ServerRecord) -> datetime | None:
    """Return when a server was started; None if it is no longer running."""
    number = running_pid(record)
    try:
        started = psutil.Process(number).create_time() if number is not None else None
    except psutil.NoSuchProcess:
        return None
    return None if started is None else datetime.fromtimestamp(started).astimezone()


def check_host(home: Path) -> None:
    """Refuse a stack that another machine or container runs in the same home.

    Args:
        home: See `tasks.environment.home.home_directory`.

    Raises:
        InputError: Names the machine.
    """
    for server in (MLFLOW, PREFECT, WORKER):
        name = read_server_record(home, server).process
        if name and not processes.is_alive(name) and not processes.is_gone(name):
            raise InputError(
                f"stack: it was started on {processes.host_of(name)}; run `coldpress down` there"
                f" or, if that machine or container no longer exists, delete"
                f" {stack_folder(home)}/*.json"
            )


def loopback_url(port: int | None) -> str:
    """Return the address of a server on loopback."""
    return f"http://127.0.0.1:{port}"


def mlflow_variables(home: Path) -> dict[str, str]:
    """Return the variables that point a process at the stack's MLflow; empty without a stack.

    Args:
        home: See `tasks.environment.home.home_directory`.

    Raises:
        InputError: The stack is up, but its MLflow is gone: see `require_running`.
    """
    record = read_server_record(home, MLFLOW)
    if record.process is None:
        return {}
    require_running(home, MLFLOW)
    return {"MLFLOW_TRACKING_URI": loopback_url(record.port)}


def prefect_variables(home: Path) -> dict[str, str]:
    """Return the variables that point a process at the stack's Prefect; empty if it is down.

    Args:
        home: See `tasks.environment.home.home_directory`.
    """
    record = read_server_record(home, PREFECT)
    if not is_running(record):
        return {}
    url = loopback_url(record.port)
    return {"PREFECT_API_URL": f"{url}/api", "PREFECT_UI_URL": f"{url}/v2"}


def require_running(home: Path, server: str) -> None:
    """Refuse to use the embedded store while the stack is partly up: models would be split.

    Args:
        home: See `tasks.environment.home.home_directory`.
        server: The required server.

    Raises:
        InputError: It was started and not stopped by `down`, but its process is gone.
    """
    record = read_server_record(home, server)
    if record.process is None or is_running(record):
        return
    raise InputError(
        f"stack: its {server} server is gone; `coldpress up` starts it again, "
        "`coldpress down` stops the stack, and commands use the embedded store again"
    )


def _record_path(home: Path, server: str) -> Path:
    return stack_folder(home) / f"{server}.json"
