"""Who is still alive: a process by machine, boot, pid and start; a flow run by its state."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from uuid import UUID

import psutil

from tasks.environment import machine


@dataclass(frozen=True)
class _Place:
    """Where a pid means something. Older versions wrote the host name alone.

    Attributes:
        host: For people: containers share host names, and laptops change theirs.
        machine: See `tasks.environment.machine`, as the others.
        boot: Which start of the system.
        namespace: The pid namespace.
    """

    host: str
    machine: str = ""
    boot: str = ""
    namespace: str = ""

    @property
    def is_here(self) -> bool:
        """Whether pids of that place can be looked up by this process."""
        here = _here()
        if self.boot and here.boot:
            return (self.boot, self.namespace) == (here.boot, here.namespace)
        return self.host == here.host

    @property
    def was_restarted(self) -> bool:
        """Whether this machine was started again since, which ended all that ran before."""
        here = _here()
        outside = self.namespace == here.namespace == machine.INITIAL
        same = bool(self.machine) and (self.host, self.machine) == (here.host, here.machine)
        return outside and same and self.boot != here.boot


def place() -> str:
    """Name where this process runs: host, machine, boot and pid namespace, as far as known."""
    here = _here()
    known = (here.host, here.machine, here.boot, here.namespace)
    return "~".join(known) if here.boot else here.host


def _here() -> _Place:
    return _Place(
        socket.gethostname(), machine.machine()[:8], machine.boot()[:8], machine.pid_namespace()
    )


def _place_of(name: str) -> _Place:
    written = name.rsplit(":", 2)[0]
    parts = written.rsplit("~", 3)
    return _Place(*parts) if len(parts) == 4 else _Place(written)


def this_process() -> str:
    """Name this process so that no later one with the same pid is taken for it."""
    return name_of(psutil.Process())


def name_of(process: psutil.Process) -> str:
    """Name a process by place, pid and start, in seconds after the machine's own."""
    return f"{place()}:{process.pid}:{_start(process):.2f}"


def host_of(name: str) -> str:
    """Return the host of a named process, for people."""
    return _place_of(name).host


def _start(process: psutil.Process) -> float:
    """The time of day would not do: when the clock is set, every process has another one."""
    return process.create_time() - psutil.boot_time()


def is_gone(name: str | None) -> bool:
    """Whether a named process has certainly ended.

    Args:
        name: From `this_process`, or None for an owner that nobody wrote down.

    Returns:
        False for a process of another machine or container: from here it cannot be seen.
    """
    if name is None:
        return False
    known = _place_of(name)
    return known.was_restarted or (known.is_here and _living(name) is None)


def is_here(name: str | None) -> bool:
    """Whether a named process certainly lives, where this one can see it."""
    return name is not None and name.count(":") >= 2 and _living(name) is not None


def end(name: str | None) -> bool:
    """Terminate a named process, if it can be seen from here and is still that process.

    Args:
        name: From `name_of`.

    Returns:
        Whether there was one to end.
    """
    process = _living(name) if name else None
    if process is None:
        return False
    process.terminate()
    try:
        process.wait(timeout=10)
    except psutil.TimeoutExpired:
        process.kill()
    return True


def _living(name: str) -> psutil.Process | None:
    _, pid, started = name.rsplit(":", 2)
    if not _place_of(name).is_here:
        return None
    try:
        process = psutil.Process(int(pid))
        zombie = process.status() == psutil.STATUS_ZOMBIE
        same = f"{_start(process):.2f}" == started
    except psutil.NoSuchProcess:
        return None
    return process if same and not zombie else None


def flow_run_end(flow_run_id: str | None) -> str | None:
    """Say how a flow run ended, if Prefect is reachable, knows it and says that it is over.

    Args:
        flow_run_id: The flow run that owns an MLflow run.

    Returns:
        The type of its state, such as `CRASHED`; None where nobody can tell.
    """
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    if flow_run_id is None:
        return None
    try:
        with get_client(sync_client=True) as prefect:
            state = prefect.read_flow_run(UUID(flow_run_id)).state
    except (ObjectNotFound, httpx.HTTPError, RuntimeError):
        return None
    return state.type.value if state is not None and state.is_final() else None
