"""Which machine, boot and container this process sees: host names are shared, and they change.

Each is empty where the system does not tell it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

INITIAL_PID_NAMESPACE = "4026531836"
"""The number that Linux gives to the namespace of all processes outside of containers."""


def machine_id() -> str:
    """Return what names the machine's installation; container images often have none."""
    return _read_text("/etc/machine-id")


def boot_id() -> str:
    """Return what names this start of the system; containers of one system share it."""
    return _read_text("/proc/sys/kernel/random/boot_id")


def pid_namespace() -> str:
    """Return the number of the namespace in which this process has its pid."""
    return _namespace("pid")


def is_in_container() -> bool:
    """Whether this process sees only some of its machine's processes."""
    return pid_namespace() not in {"", INITIAL_PID_NAMESPACE}


def mount_namespace() -> str:
    """Return the number of the namespace in which this process sees files."""
    return _namespace("mnt")


def _read_text(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    return ""


def _namespace(kind: str) -> str:
    with suppress(OSError):
        return str(Path(f"/proc/self/ns/{kind}").readlink()).strip(f"{kind}:[]")
    return ""
