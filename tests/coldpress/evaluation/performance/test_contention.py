"""Load of the machine, from counters with known differences."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from coldpress.evaluation.performance import contention
from coldpress.evaluation.performance.contention import Contention

CpuTimes = namedtuple("CpuTimes", ["user", "system", "idle", "iowait", "steal", "guest"])


class _Clock(Protocol):
    now: float


def measure_use(
    clock: _Clock, monkeypatch: pytest.MonkeyPatch, seconds: float, later: CpuTimes
) -> contention.MachineUse:
    """Measure a process that runs all the time, on a machine whose counters start at zero."""
    monkeypatch.setattr(psutil, "cpu_times", lambda: CpuTimes(0, 0, 0, 0, 0, 0))
    end = contention.watch_machine()
    clock.now += seconds
    monkeypatch.setattr(psutil, "cpu_times", lambda: later)
    return end()


def test_contention_is_a_share_of_the_remaining_time(
    clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten seconds on two processors: 10 own, 6 of others, 1 stolen, 3 idle. The guest's 2 are part
    of the user's 14."""
    later = CpuTimes(user=14, system=2, idle=2, iowait=1, steal=1, guest=2)
    use = measure_use(clock, monkeypatch, 10, later)
    assert use.others == pytest.approx(7 / 10)
    assert use.steal == pytest.approx(1 / 20)
    assert use.load >= 0


def test_a_quiet_machine_has_no_contention(clock: _Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    use = measure_use(clock, monkeypatch, 10, CpuTimes(10, 0, 10, 0, 0, 0))
    assert (use.others, use.steal) == (0, 0)


def test_a_process_on_the_only_processor_has_no_contention(
    clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    use = measure_use(clock, monkeypatch, 10, CpuTimes(10.1, 0, 0.1, 0, 0, 0))
    assert (use.others, use.steal) == (None, 0)


@pytest.mark.parametrize(("seconds", "total"), [(0.1, 5), (1, 1)])
def test_a_short_period_has_no_shares(
    clock: _Clock, monkeypatch: pytest.MonkeyPatch, seconds: float, total: int
) -> None:
    use = measure_use(clock, monkeypatch, seconds, CpuTimes(total, 0, 0, 0, 0, 0))
    assert (use.others, use.steal, use.waiting) == (None, None, None)


def test_waiting_time_is_read_if_the_system_counts_it(
    clock: _Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pressure = tmp_path / "cpu"
    monkeypatch.setattr(contention, "_PRESSURE", pressure)
    assert measure_use(clock, monkeypatch, 10, CpuTimes(10, 0, 10, 0, 0, 0)).waiting is None
    pressure.write_text("some avg10=8.21 avg60=3.13 avg300=1.52 total=1000000\nfull ...\n")
    end = contention.watch_machine()
    monkeypatch.setattr(psutil, "cpu_times", lambda: CpuTimes(20, 0, 20, 0, 0, 0))
    clock.now += 10
    pressure.write_text("some avg10=8.21 avg60=3.13 avg300=1.52 total=3500000\nfull ...\n")
    assert end().waiting == pytest.approx(0.25)


def level(cpu_share: float | None, others: float | None, interrupted: float = 0.0) -> float:
    return Contention(
        cpu_share=cpu_share,
        interrupted=interrupted,
        others=others,
        steal=None,
        waiting=None,
        load=0.0,
    ).level


def test_the_level_is_the_larger_of_both_signs_and_a_tenth_is_quiet() -> None:
    assert level(1.0, 0.0) == 0
    assert level(0.91, 0.1) == 0
    assert level(0.55, 0.0) == pytest.approx(0.35 / 0.9)
    assert level(1.0, 0.55) == pytest.approx(0.45 / 0.9)
    assert level(0.9, None) == pytest.approx(0)
    assert level(0.0, 0.3) == pytest.approx(1)


def test_on_several_threads_interruptions_count_instead_of_the_share() -> None:
    assert level(None, 0.0, 0.55) == pytest.approx(0.5)
    assert level(1.0, 0.0, 0.55) == 0
