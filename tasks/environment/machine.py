"""Identifiers of machine, boot and container, since host names are shared and can change.

Each is empty if the system does not provide it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

INITIAL_PID_NAMESPACE = "4026531836"
"""Linux's number of the pid namespace of all processes outside containers."""


def machine_id() -> str:
    """Return the id of the machine's installation; container images often have none."""
    return _read_text("/etc/machine-id")


def boot_id() -> str:
    """Return the id of the current boot; containers of one system share it."""
    return _read_text("/proc/sys/kernel/random/boot_id")


def pid_namespace() -> str:
    """Return the number of this process's pid namespace."""
    return _namespace("pid")


def is_in_container() -> bool:
    """Return whether this process sees only some of the machine's processes."""
    return pid_namespace() not in {"", INITIAL_PID_NAMESPACE}


def mount_namespace() -> str:
    """Return the number of this process's mount namespace."""
    return _namespace("mnt")


def _read_text(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    return ""


def _namespace(kind: str) -> str:
    with suppress(OSError):
        return str(Path(f"/proc/self/ns/{kind}").readlink()).strip(f"{kind}:[]")
    return ""
