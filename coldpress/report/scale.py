"""Axis of a figure: positions of numbers, and ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`.

    Attributes:
        low: Number at the start.
        high: Number at the end; larger than `low`.
        logarithmic: Whether equal ratios, not differences, have equal length.
    """

    low: float
    high: float
    logarithmic: bool = False

    @classmethod
    def around(cls, values: Iterable[float], logarithmic: bool = False) -> Scale:
        """Make an axis for all values with a margin on both sides.

        Args:
            values: At least one; positive for a logarithmic axis.
            logarithmic: See the class.
        """
        numbers = list(values)
        low = min(numbers)
        high = max(numbers)
        if logarithmic:
            margin = max((high / low) ** 0.12, 1.2)
            return cls(low / margin, high * margin, logarithmic=True)
        margin = 0.08 * (high - low) or 0.05
        return cls(low - margin, high + margin)

    def place(self, value: float) -> float:
        """Return the position of a value: 0 at the start of the axis, 1 at its end."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Return a few round numbers on the axis."""
        if not self.logarithmic or self.high / self.low < 3:
            return self._even_ticks()
        first = math.floor(math.log10(self.low))
        last = math.ceil(math.log10(self.high))
        leads = (1, 2, 5) if last - first < 4 else (1,)
        powers = range(first, last + 1)
        return self._inside(round(lead * 10.0**n, 12) for n in powers for lead in leads)

    def _even_ticks(self) -> list[float]:
        """Ticks 1, 2 or 5 times a power of ten apart, with the largest step that gives four."""
        size = 10.0 ** math.floor(math.log10(self.high - self.low))
        steps = (size * lead for lead in (5, 2, 1, 0.5, 0.2, 0.1))
        step = next((s for s in steps if (self.high - self.low) / s >= 4), size)
        first = math.ceil(self.low / step)
        return self._inside(round(step * (first + n), 12) for n in range(9))

    def _inside(self, values: Iterable[float]) -> list[float]:
        return [value for value in values if self.low <= value <= self.high]
