"""The servers of `coldpress up` as every other command finds them: one small file each."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import psutil

from coldpress.errors import InputError
from tasks.environment import processes

MLFLOW, PREFECT, WORKER = "mlflow", "prefect", "worker"
MARKER = "COLDPRESS_STACK"
"""A variable that all processes of a server carry, its children's too: see `marker`."""


@dataclass(frozen=True)
class ServerRecord:
    """What is known of one server.

    Args:
        port: The one that it had last, on loopback; None for the worker.
        process: From `processes.name_of`; None where it is not meant to run.
    """

    port: int | None = None
    process: str | None = None


def stack_folder(home: Path) -> Path:
    """Return where the stack of a home keeps all that it has."""
    return home / "stack"


def read_server_record(home: Path, server: str) -> ServerRecord:
    """Read what is known of a server; nothing, where there is no file that can be read.

    Args:
        home: See `tasks.environment.home.home`.
        server: `mlflow`, `prefect` or `worker`.

    Returns:
        The record.
    """
    try:
        known = json.loads(_record_path(home, server).read_text(encoding="utf-8"))
        record = ServerRecord(known["port"], known["process"])
        return ServerRecord() if _belongs_to_other_home(record, home) else record
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return ServerRecord()


def marker(home: Path, server: str) -> str:
    """Return what the environment of all processes of a server carries, its children's too."""
    return f"{server}@{stack_folder(home)}"


def _belongs_to_other_home(record: ServerRecord, home: Path) -> bool:
    """Whether a home was copied while its stack ran: that is still the original's."""
    number = running_pid(record)
    if number is None:
        return False
    with suppress(psutil.Error, OSError):
        place = psutil.Process(number).environ().get(MARKER, "").partition("@")[2]
        return bool(place) and not Path(place).samefile(stack_folder(home))
    return False


def write_server_record(home: Path, server: str, record: ServerRecord) -> None:
    """Write what is known of a server; moved into place whole, since a kill may come now."""
    path = _record_path(home, server)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as aside:
        json.dump(asdict(record), aside)
    Path(aside.name).replace(path)


def is_running(record: ServerRecord) -> bool:
    """Whether the very process that was recorded still lives, on this machine."""
    return running_pid(record) is not None


def running_pid(record: ServerRecord) -> int | None:
    """Return the pid of a server, if it is still that process and on this machine."""
    name = record.process
    return int(name.rsplit(":", 2)[1]) if name and processes.is_alive(name) else None


def started_at(record: ServerRecord) -> datetime | None:
    """Return when a server was started; None where it does not run any more."""
    number = running_pid(record)
    try:
        began = psutil.Process(number).create_time() if number is not None else None
    except psutil.NoSuchProcess:
        return None
    return None if began is None else datetime.fromtimestamp(began).astimezone()


def check_host(home: Path) -> None:
    """Refuse to touch a stack that another machine or container runs in the same home.

    Args:
        home: See `tasks.environment.home.home`.

    Raises:
        InputError: Which machine it is.
    """
    for server in (MLFLOW, PREFECT, WORKER):
        name = read_server_record(home, server).process
        if name and not processes.is_alive(name) and not processes.is_gone(name):
            raise InputError(
                f"stack: it was started on {processes.host_of(name)}; `coldpress down` there, or if"
                f" that machine or container is no more, delete {stack_folder(home)}/*.json"
            )


def loopback_url(port: int | None) -> str:
    """Return the address of a server on loopback."""
    return f"http://127.0.0.1:{port}"


def mlflow_variables(home: Path) -> dict[str, str]:
    """Return what points a process at the stack's MLflow; nothing where there is no stack.

    Args:
        home: See `tasks.environment.home.home`.

    Returns:
        Environment variables.

    Raises:
        InputError: The stack is up, and its MLflow is gone: see `must_run`.
    """
    record = read_server_record(home, MLFLOW)
    if record.process is None:
        return {}
    require_running(home, MLFLOW)
    return {"MLFLOW_TRACKING_URI": loopback_url(record.port)}


def prefect_variables(home: Path) -> dict[str, str]:
    """Return what points a process at the stack's Prefect; nothing where it does not run.

    Args:
        home: See `tasks.environment.home.home`.

    Returns:
        Environment variables.
    """
    record = read_server_record(home, PREFECT)
    if not is_running(record):
        return {}
    here = loopback_url(record.port)
    return {"PREFECT_API_URL": f"{here}/api", "PREFECT_UI_URL": f"{here}/v2"}


def require_running(home: Path, server: str) -> None:
    """Refuse to work embedded beside a stack that is up in part: it would split the models.

    Args:
        home: See `tasks.environment.home.home`.
        server: Which one is needed.

    Raises:
        InputError: It was started, never ended by `down`, and its process is gone.
    """
    record = read_server_record(home, server)
    if record.process is None or is_running(record):
        return
    raise InputError(
        f"stack: its {server} server is gone; `coldpress up` starts it again, "
        "`coldpress down` leaves the stack and goes on embedded"
    )


def _record_path(home: Path, server: str) -> Path:
    return stack_folder(home) / f"{server}.json"
