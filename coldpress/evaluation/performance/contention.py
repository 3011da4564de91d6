"""Contention: load of other processes while models were timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from coldpress.evaluation.scorecard.base import Fraction, FrozenRecord

_PRESSURE = Path("/proc/pressure/cpu")
_MIN_SECONDS = 0.2
"""Shortest period that is evaluated: the system counts processor time in steps of 10 ms."""
_MIN_REMAINING_SHARE = 0.2
"""Smallest share of the machine that others could use: below it, their use is noise."""
_QUIET_LEVEL = 0.1
"""Up to this level a machine counts as quiet: there is always some background load."""


class Contention(FrozenRecord):
    """Load of other processes while a model was timed.

    Attributes:
        cpu_share: CPU time of the timed calls over their wall time; None on several threads, where
            the two are not comparable.
        interrupted: Share of the timed calls that were preempted by another process.
        others: Share of the processor time not used by the timings that other processes used; None
            if the timings were too short to tell.
        steal: Share of all processor time that the hypervisor gave to other machines; None as for
            `others`.
        waiting: Share of the time in which some process waited for a processor; None if the system
            does not count it.
        load: Load average of the last minute.
        attempts: Number of measurements, of which this is the least disturbed.
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
        """From 0, an idle machine, to 1, where others run all the time that the model runs."""
        missing = self.interrupted if self.cpu_share is None else 1 - self.cpu_share
        level = max(missing, self.others or 0.0)
        return max(0.0, level - _QUIET_LEVEL) / (1 - _QUIET_LEVEL)

    @property
    def busy(self) -> bool:
        """Whether the load was large enough to be reported."""
        return self.level > 0


def worst_contention(contentions: Iterable[Contention | None]) -> Contention | None:
    """Return the contention of the most disturbed model.

    Args:
        contentions: One per model; None if it was not timed.

    Returns:
        The highest contention; None if no model was timed.
    """
    return max((c for c in contentions if c is not None), key=lambda c: c.level, default=None)


def describe_contention(contention: Contention) -> str:
    """Describe the load of a busy machine in one sentence."""
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
    """Load of the whole machine over a period; attributes as in `Contention`."""

    others: float | None
    steal: float | None
    waiting: float | None
    load: float


@dataclass(frozen=True)
class _Counters:
    """CPU time in seconds since the start of the machine or the process."""

    now: float
    own: float
    busy: float
    steal: float
    total: float
    waiting: float | None


def watch_machine() -> Callable[[], MachineUse]:
    """Start to measure the load of the machine.

    Returns:
        A function that returns the load since this call.
    """
    start = _read_counters()
    return lambda: _usage_between(start, _read_counters())


def _read_counters() -> _Counters:
    times = psutil.cpu_times()._asdict()
    # Linux also counts the time of guests as user time.
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
    """Read how long any process has waited for a processor; Linux counts microseconds."""
    try:
        line = _PRESSURE.read_text(encoding="utf-8").splitlines()[0]
    except OSError:
        return None
    return int(line.rpartition("total=")[2]) / 1e6


def _usage_between(start: _Counters, end: _Counters) -> MachineUse:
    wall = end.now - start.now
    own = end.own - start.own
    total = end.total - start.total
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
