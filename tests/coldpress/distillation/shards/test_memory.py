"""The memory of soft targets does not grow with the rows."""

from __future__ import annotations

from pathlib import Path

import many_rows
import pytest

pytestmark = pytest.mark.integration

MORE_MB = 60
"""What 100,000 rows may need beyond 20,000; their texts and tokens as objects took 800 MB."""


def peak(folder: Path, rows: int) -> float:
    folder.mkdir()
    many_rows.prepare(folder, rows)
    return many_rows.run_contestant("coldpress local", folder)["peak_mb"]


def test_five_times_the_rows_take_the_same_memory(tmp_path: Path) -> None:
    few, many = (peak(tmp_path / str(rows), rows) for rows in (20_000, 100_000))
    assert many < few + MORE_MB
    assert many < 1500
