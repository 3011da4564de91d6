"""Energy counters of the processor: Linux powercap (Intel and AMD RAPL)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")

EnergyReading = Mapping[Path, int]
"""Microjoules by package, since an unknown time."""


def read_counters(root: Path = POWERCAP) -> EnergyReading | None:
    """Read the energy counter of every package, without its cores and memory.

    Args:
        root: Folder of the counters.

    Returns:
        None if there is no counter or the user may not read it.
    """
    packages = [zone for zone in sorted(root.glob("intel-rapl:*")) if _is_package(zone)]
    try:
        return {
            zone: int((zone / "energy_uj").read_text(encoding="utf-8")) for zone in packages
        } or None
    except PermissionError:
        return None


def joules(before: EnergyReading | None, after: EnergyReading | None) -> float | None:
    """Return the energy that all packages used between two readings, for all processes.

    Args:
        before: The earlier reading.
        after: The later reading, before a counter can overflow twice (minutes).

    Returns:
        Joules; None if either reading is missing.
    """
    if before is None or after is None:
        return None
    return sum(_microjoules(zone, before[zone], after[zone]) for zone in before) / 1e6


def _is_package(zone: Path) -> bool:
    name = zone / "name"
    return name.is_file() and name.read_text(encoding="utf-8").startswith("package")


def _microjoules(zone: Path, before: int, after: int) -> int:
    if after >= before:
        return after - before
    return after - before + int((zone / "max_energy_range_uj").read_text(encoding="utf-8"))
