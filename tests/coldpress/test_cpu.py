"""Number and instruction sets of processors are read from what Linux describes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coldpress import cpu

ZEN3 = "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu sse4_2 avx2\n"
ZEN4 = ZEN3.replace("avx2", "avx2 avx512_vnni") + "\nprocessor\t: 1\nflags\t\t: fpu\n"
GRAVITON = "processor\t: 0\nFeatures\t: fp asimd asimddp\n"


@pytest.fixture(autouse=True)
def _clear_caches() -> Iterator[None]:
    yield
    cpu._cpuinfo.cache_clear()
    cpu.instruction_sets.cache_clear()


@pytest.mark.parametrize(
    ("description", "sets", "bits"),
    [
        (ZEN4, {"sse4_2", "avx2", "avx512_vnni"}, 8),
        (ZEN3, {"sse4_2", "avx2"}, 7),
        (GRAVITON, {"asimd", "asimddp"}, 8),
        (None, set(), 7),
    ],
)
def test_weights_have_seven_bits_if_products_could_saturate(
    description: str | None,
    sets: set[str],
    bits: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "cpuinfo"
    if description is not None:
        path.write_text(description)
    monkeypatch.setattr(cpu, "_CPUINFO", path)
    cpu._cpuinfo.cache_clear()
    cpu.instruction_sets.cache_clear()
    assert cpu.instruction_sets() == sets
    assert cpu.weight_bits() == bits
    assert cpu.has_vnni() is (bits == 8)
    assert set(cpu.kernel_environment()) == {"processor", "instruction_sets", "onnxruntime"}


@pytest.mark.parametrize(
    ("limit", "processors"),
    [
        ("150000 100000\n", 2),  # one and a half processors
        ("50000 100000\n", 1),
        ("900000 100000\n", 4),
        ("max 100000\n", 4),
        (None, 4),
    ],
)
def test_a_container_may_limit_the_processors(
    limit: str | None, processors: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cpu.max"
    if limit is not None:
        path.write_text(limit)
    monkeypatch.setattr(cpu, "_CONTAINER_LIMIT", path)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert cpu.available_processors() == processors


def test_processors_are_counted_where_there_is_no_affinity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu, "_CONTAINER_LIMIT", tmp_path / "cpu.max")
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert cpu.available_processors() == 8
