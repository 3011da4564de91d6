"""The processor's counters, as Linux lays them out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coldpress.evaluation.performance import energy


def zone(root: Path, folder: str, name: str, microjoules: int) -> None:
    (root / folder).mkdir()
    (root / folder / "name").write_text(f"{name}\n")
    (root / folder / "energy_uj").write_text(f"{microjoules}\n")
    (root / folder / "max_energy_range_uj").write_text("1000000\n")


def test_packages_are_added_up_and_what_they_hold_is_not_counted_twice(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 100)
    zone(tmp_path, "intel-rapl:0:0", "core", 60)
    zone(tmp_path, "intel-rapl:1", "package-1", 200)
    zone(tmp_path, "intel-rapl:2", "psys", 900)
    before = energy.read_counters(tmp_path)
    later = {"0": 500_100, "0:0": 400_060, "1": 250_200, "2": 800_900}
    for number, microjoules in later.items():
        (tmp_path / f"intel-rapl:{number}" / "energy_uj").write_text(str(microjoules))
    assert energy.joules(before, energy.read_counters(tmp_path)) == pytest.approx(0.75)


def test_a_counter_that_went_round_is_followed(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 900_000)
    before = energy.read_counters(tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("150000")
    assert energy.joules(before, energy.read_counters(tmp_path)) == pytest.approx(0.25)


def test_without_counters_no_energy_is_read(tmp_path: Path) -> None:
    assert energy.read_counters(tmp_path / "absent") is None
    assert energy.read_counters(tmp_path) is None
    assert energy.joules(None, None) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_counter_that_may_not_be_read_is_none(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    (tmp_path / "intel-rapl:0" / "energy_uj").chmod(0)
    assert energy.read_counters(tmp_path) is None
