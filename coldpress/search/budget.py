"""Budgets: bounds of latency, size and accuracy that a model must meet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coldpress.errors import InputError

COSTS = ("p50_ms", "p95_ms", "bytes")
"""Quantities with an upper bound; a search makes them small."""
LEAST_RETENTION = 0.99
"""Share of the teacher's validation score that is kept if the budget does not say otherwise."""
_UNITS = {"": 1.0, "%": 0.01, "B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "ms": 1.0}
_VALUE = re.compile(r"([0-9.]+(?:[eE][-+]?[0-9]+)?) ?([A-Za-z%]*)")
_UNITS_OF = {
    "p50_ms": ("", "ms"),
    "p95_ms": ("", "ms"),
    "bytes": ("", "B", "kB", "KB", "MB", "GB"),
    "retention": ("", "%"),
    "score": ("", "%"),
}


@dataclass(frozen=True)
class Measures:
    """Measurements of a model on the validation split.

    Attributes:
        score: First metric of the task kind.
        p50_ms: Median latency of a text in milliseconds.
        p95_ms: 95th percentile of the latency in milliseconds.
        bytes: Weights and tokenizer.
        retention: Score as a share of the teacher's; None if the teacher has no validation score.
    """

    score: float
    p50_ms: float
    p95_ms: float
    bytes: float
    retention: float | None = None

    def value(self, name: str) -> float:
        """Return a quantity by its name in a budget; NaN if it is unknown."""
        number: float | None = getattr(self, name)
        return float("nan") if number is None else float(number)


@dataclass(frozen=True)
class Budget:
    """Bounds by name, in the order in which they were given.

    Attributes:
        limits: Upper bounds of costs, lower bounds of `retention` and `score`.
    """

    limits: Mapping[str, float]

    @property
    def costs(self) -> tuple[str, ...]:
        """The bounded costs; the first one decides which model is the cheapest."""
        return tuple(name for name in self.limits if name in COSTS)

    def excess(self, measures: Measures, name: str) -> float:
        """Return by which share of a bound it is missed; 0 or less if it is met."""
        value, limit = measures.value(name), self.limits[name]
        return value / limit - 1 if name in COSTS else 1 - value / limit

    def worst_excess(self, measures: Measures) -> float:
        """Return the largest excess over all bounds."""
        return max(self.excess(measures, name) for name in self.limits)

    def is_met(self, measures: Measures) -> bool:
        """Return whether a model is within all bounds."""
        return all(self.excess(measures, name) <= 0 for name in self.limits)

    def describe_misses(self, measures: Measures) -> str:
        """Name the bounds that a model misses, and by how much."""
        misses = []
        for name in self.limits:
            excess = self.excess(measures, name)
            if excess > 0:
                value = f"{measures.value(name):.4g} instead of {self.limits[name]:.4g}"
                misses.append(f"{name} by {100 * excess:.2g} % ({value})")
        return ", ".join(misses)


def parse_budget(bounds: Sequence[str]) -> Budget:
    """Parse bounds such as `p95_ms=0.2`, `bytes=6MB` and `retention=99%`.

    Args:
        bounds: At least one must be of a cost.

    Returns:
        The budget. Without a bound of the accuracy, 99 % of the teacher's score must be kept.

    Raises:
        InputError: A bound is malformed, unknown or given twice, or none is of a cost.
    """
    limits: dict[str, float] = {}
    for bound in bounds:
        name, equals, value = bound.partition("=")
        if not equals or name not in _UNITS_OF:
            names = ", ".join(_UNITS_OF)
            raise InputError(f"--budget {bound}: expected NAME=VALUE, where NAME is one of {names}")
        if name in limits:
            raise InputError(f"--budget {bound}: {name} is given twice")
        limits[name] = _parse_value(bound, name, value)
    if not any(name in COSTS for name in limits):
        raise InputError(f"--budget: at least one of {', '.join(COSTS)} is required")
    if "retention" not in limits and "score" not in limits:
        limits["retention"] = LEAST_RETENTION
    return Budget(limits)


def _parse_value(bound: str, name: str, text: str) -> float:
    match = _VALUE.fullmatch(text.strip())
    unit = match[2] if match else ""
    if match is None or unit not in _UNITS_OF[name]:
        units = ", ".join(unit for unit in _UNITS_OF[name] if unit)
        raise InputError(
            f"--budget {bound}: expected a positive number, without a unit or in {units}"
        )
    try:
        value = float(match[1]) * _UNITS[unit]
    except ValueError:
        value = 0.0
    if not value > 0:
        raise InputError(f"--budget {bound}: expected a positive number")
    if name in ("retention", "score") and value > 1:
        raise InputError(f"--budget {bound}: expected a share of at most 1, or of at most 100 %")
    return value
