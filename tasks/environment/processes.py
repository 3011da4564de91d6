"""Liveness of processes, identified by machine, boot, pid and start, and of flow runs."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from uuid import UUID

import psutil

from tasks.environment import machine


@dataclass(frozen=True)
class _HostId:
    """The scope of a pid. Older versions recorded the host name alone.

    Attributes:
        host: Host name, for messages: containers share it, and laptops change it.
        machine: Machine id; see `tasks.environment.machine`.
        boot: Boot id.
        namespace: Pid namespace.
    """

    host: str
    machine: str = ""
    boot: str = ""
    namespace: str = ""

    @property
    def is_here(self) -> bool:
        """Whether this process can look up pids of that host."""
        current = _current_host()
        if self.boot and current.boot:
            return (self.boot, self.namespace) == (current.boot, current.namespace)
        return self.host == current.host

    @property
    def was_restarted(self) -> bool:
        """Whether this machine was rebooted since, which ended all its processes."""
        current = _current_host()
        outside = self.namespace == current.namespace == machine.INITIAL_PID_NAMESPACE
        same = bool(self.machine) and (self.host, self.machine) == (current.host, current.machine)
        return outside and same and self.boot != current.boot


def host_id() -> str:
    """Identify the host of this process by host name, machine, boot and pid namespace."""
    current = _current_host()
    parts = (current.host, current.machine, current.boot, current.namespace)
    return "~".join(parts) if current.boot else current.host


def _current_host() -> _HostId:
    return _HostId(
        socket.gethostname(),
        machine.machine_id()[:8],
        machine.boot_id()[:8],
        machine.pid_namespace(),
    )


def _parse_host_id(name: str) -> _HostId:
    host = name.rsplit(":", 2)[0]
    parts = host.rsplit("~", 3)
    return _HostId(*parts) if len(parts) == 4 else _HostId(host)


def current_process_identity() -> str:
    """Identify this process such that no later one with the same pid is taken for it."""
    return process_identity(psutil.Process())


def process_identity(process: psutil.Process) -> str:
    """Identify a process by host id, pid and start time in seconds after boot."""
    return f"{host_id()}:{process.pid}:{_start_time(process):.2f}"


def host_of(name: str) -> str:
    """Return the host name of a process, for messages."""
    return _parse_host_id(name).host


def _start_time(process: psutil.Process) -> float:
    """Seconds from boot to start; the time of day would change when the clock is set."""
    return process.create_time() - psutil.boot_time()


def is_gone(name: str | None) -> bool:
    """Return whether a process has certainly ended.

    Args:
        name: From `process_identity`; None for an unknown owner.

    Returns:
        False for a process of another machine or container, which cannot be observed.
    """
    if name is None:
        return False
    host = _parse_host_id(name)
    return host.was_restarted or (host.is_here and _find_process(name) is None)


def is_alive(name: str | None) -> bool:
    """Return whether a process is certainly alive and observable from here."""
    return name is not None and name.count(":") >= 2 and _find_process(name) is not None


def terminate(name: str | None) -> bool:
    """Terminate a process if it is observable from here and still the same process.

    Args:
        name: From `process_identity`.

    Returns:
        Whether there was a process to terminate.
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
    """Return the final state of a flow run.

    Args:
        flow_run_id: The flow run that owns an MLflow run.

    Returns:
        The type of its state, such as `CRASHED`; None if it is not final or Prefect cannot tell.
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
