"""Benchmarks of a section, as a recipe has it."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from coldpress.benchmark.loading import Benchmark, load_benchmark
from coldpress.kinds import KindSection


def load(section: dict[str, Any], columns: tuple[tuple[str, str], ...] = ()) -> Benchmark:
    """Validate a section and read its data, with seed 0."""
    adapter: TypeAdapter[Any] = TypeAdapter(KindSection)
    return load_benchmark(adapter.validate_python(section), 0, columns)
