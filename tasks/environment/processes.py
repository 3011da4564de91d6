"""Who is still alive: a process by machine, boot, pid and start; a flow run by its state."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from uuid import UUID

import psutil

from tasks.environment import machine


@dataclass(frozen=True)
class _HostId:
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
        here = _current_host()
        if self.boot and here.boot:
            return (self.boot, self.namespace) == (here.boot, here.namespace)
        return self.host == here.host

    @property
    def was_restarted(self) -> bool:
        """Whether this machine was started again since, which ended all that ran before."""
        here = _current_host()
        outside = self.namespace == here.namespace == machine.INITIAL_PID_NAMESPACE
        same = bool(self.machine) and (self.host, self.machine) == (here.host, here.machine)
        return outside and same and self.boot != here.boot


def host_id() -> str:
    """Name where this process runs: host, machine, boot and pid namespace, as far as known."""
    here = _current_host()
    known = (here.host, here.machine, here.boot, here.namespace)
    return "~".join(known) if here.boot else here.host


def _current_host() -> _HostId:
    return _HostId(
        socket.gethostname(),
        machine.machine_id()[:8],
        machine.boot_id()[:8],
        machine.pid_namespace(),
    )


def _parse_host_id(name: str) -> _HostId:
    written = name.rsplit(":", 2)[0]
    parts = written.rsplit("~", 3)
    return _HostId(*parts) if len(parts) == 4 else _HostId(written)


def current_process_identity() -> str:
    """Name this process so that no later one with the same pid is taken for it."""
    return process_identity(psutil.Process())


def process_identity(process: psutil.Process) -> str:
    """Name a process by place, pid and start, in seconds after the machine's own."""
    return f"{host_id()}:{process.pid}:{_start_time(process):.2f}"


def host_of(name: str) -> str:
    """Return the host of a named process, for people."""
    return _parse_host_id(name).host


def _start_time(process: psutil.Process) -> float:
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
    known = _parse_host_id(name)
    return known.was_restarted or (known.is_here and _find_process(name) is None)


def is_alive(name: str | None) -> bool:
    """Whether a named process certainly lives, where this one can see it."""
    return name is not None and name.count(":") >= 2 and _find_process(name) is not None


def terminate(name: str | None) -> bool:
    """Terminate a named process, if it can be seen from here and is still that process.

    Args:
        name: From `name_of`.

    Returns:
        Whether there was one to end.
    """
    process = _find_process(name) if name else None
    if process is None:
        return False
    process.terminate()
    try:
        process.wait(timeout=10)
    except psutil.TimeoutExpired:
        process.kill()
    return True


def _find_process(name: str) -> psutil.Process | None:
    _, pid, started = name.rsplit(":", 2)
    if not _parse_host_id(name).is_here:
        return None
    try:
        process = psutil.Process(int(pid))
        zombie = process.status() == psutil.STATUS_ZOMBIE
        same = f"{_start_time(process):.2f}" == started
    except psutil.NoSuchProcess:
        return None
    return process if same and not zombie else None


def final_flow_run_state(flow_run_id: str | None) -> str | None:
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
