"""How busy the machine was while models were timed, and what that may do to a ratio of times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from coldpress.evaluation.scorecard.base import Fraction, FrozenRecord

_PRESSURE = Path("/proc/pressure/cpu")
_MIN_SECONDS = 0.2
"""Seconds: the system counts processor time in hundredths, too coarse for less."""
_MIN_REMAINING_SHARE = 0.2
"""Of the machine: where this process had nearly all of it, what others used is below the noise."""
_QUIET_LEVEL = 0.1
"""Up to this level a machine counts as quiet: something always runs."""


class Contention(FrozenRecord):
    """What else the machine did while a model was timed.

    Attributes:
        cpu_share: CPU time of the timed calls over their wall time; None on several threads, where
            the one does not follow from the other.
        interrupted: Share of the timed calls that had to make way for another process.
        others: Share of the processor time that the timings left over which others used; None where
            the timings were too short to tell.
        steal: Share of all processor time that the hypervisor gave to other machines; likewise.
        waiting: Share of the time in which a process waited for a processor; None where the system
            does not count it.
        load: Load average of the last minute.
        attempts: How often was measured; this is the least disturbed of them.
    """

    cpu_share: Fraction | None
    interrupted: Fraction
    others: Fraction | None
    steal: Fraction | None
    waiting: Fraction | None
    load: float
    attempts: int = 1

    @property
    def level(self) -> float:
        """From 0, a machine of one's own, to 1, where others work whenever the model does."""
        missing = self.interrupted if self.cpu_share is None else 1 - self.cpu_share
        level = max(missing, self.others or 0.0)
        return max(0.0, level - _QUIET_LEVEL) / (1 - _QUIET_LEVEL)

    @property
    def busy(self) -> bool:
        """Whether a reader has to know."""
        return self.level > 0


def worst_contention(contentions: Iterable[Contention | None]) -> Contention | None:
    """Pick the model that was disturbed most.

    Args:
        contentions: Of each model; None where it was not timed.

    Returns:
        Its contention; None where no model was timed.
    """
    return max((c for c in contentions if c is not None), key=lambda c: c.level, default=None)


def describe_contention(contention: Contention) -> str:
    """Say in plain words how busy the machine was.

    Args:
        contention: Of a machine that was busy.

    Returns:
        One sentence.
    """
    signs = []
    if contention.others is not None:
        signs.append(
            f"other processes used {contention.others:.0%} of the remaining processor time"
        )
    if contention.cpu_share is not None:
        signs.append(
            f"the timed calls had a processor for {contention.cpu_share:.0%} of their time"
        )
    signs.append(f"{contention.interrupted:.0%} of the calls were interrupted")
    return f"The machine was busy while models were timed: {', '.join(signs)}."


@dataclass(frozen=True)
class MachineUse:
    """What the whole machine did between two moments; the attributes are `Contention`'s."""

    others: float | None
    steal: float | None
    waiting: float | None
    load: float


@dataclass(frozen=True)
class _Counters:
    """Seconds since the machine started, or since the process did."""

    now: float
    own: float
    busy: float
    steal: float
    total: float
    waiting: float | None


def watch_machine() -> Callable[[], MachineUse]:
    """Begin to watch the machine.

    Returns:
        To be called at the end: what the machine did since.
    """
    start = _read_counters()
    return lambda: _usage_between(start, _read_counters())


def _read_counters() -> _Counters:
    times = psutil.cpu_times()._asdict()
    # Linux counts the time of guests in that of the user, too.
    total = sum(times.values()) - times.get("guest", 0.0) - times.get("guest_nice", 0.0)
    idle = times["idle"] + times.get("iowait", 0.0)
    return _Counters(
        now=time.perf_counter(),
        own=time.process_time(),
        busy=total - idle,
        steal=times.get("steal", 0.0),
        total=total,
        waiting=_waiting_time(),
    )


def _waiting_time() -> float | None:
    """Read how long some process has waited for a processor: Linux counts microseconds."""
    try:
        line = _PRESSURE.read_text(encoding="utf-8").splitlines()[0]
    except OSError:
        return None
    return int(line.rpartition("total=")[2]) / 1e6


def _usage_between(start: _Counters, end: _Counters) -> MachineUse:
    wall, own, total = end.now - start.now, end.own - start.own, end.total - start.total
    load = psutil.getloadavg()[0]
    if wall < _MIN_SECONDS or total <= own:
        return MachineUse(None, None, None, load)
    waiting = None
    if start.waiting is not None and end.waiting is not None:
        waiting = _clip_fraction((end.waiting - start.waiting) / wall)
    others = None
    if total - own > _MIN_REMAINING_SHARE * total:
        others = _clip_fraction((end.busy - start.busy - own) / (total - own))
    return MachineUse(others, _clip_fraction((end.steal - start.steal) / total), waiting, load)


def _clip_fraction(share: float) -> float:
    return min(1.0, max(0.0, share))
