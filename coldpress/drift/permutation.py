"""Permutation of whole samples, for kinds whose samples have several rows.

The documents of a query resemble each other. A test that took their rows for independent would find
drift in any two sets of queries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldpress.drift.shift import RESAMPLES, SEED

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]
_TOLERANCE = 1e-12


@dataclass(frozen=True)
class RowSamples:
    """The sample of each row, of two sets of rows.

    Attributes:
        before: Numbers of the samples of the earlier rows, from 0, shape (rows,).
        fresh: Those of the new rows, shape (new rows,).
    """

    before: Numbers
    fresh: Numbers

    @classmethod
    def of_rows(cls, before: int, fresh: int) -> RowSamples:
        """Return samples of a single row each.

        Args:
            before: Number of earlier rows.
            fresh: Number of new rows.
        """
        return cls(np.arange(before), np.arange(fresh))

    @property
    def have_several_rows(self) -> bool:
        """Whether any sample has more than one row."""
        sides = (self.before, self.fresh)
        return any(len(np.unique(side)) < len(side) for side in sides)

    def take(self, before: list[int], fresh: list[int]) -> RowSamples:
        """Return the samples of some rows, numbered from 0.

        Args:
            before: Positions of earlier rows.
            fresh: Positions of new rows.
        """
        return RowSamples(_renumber(self.before[before]), _renumber(self.fresh[fresh]))

    def memberships(self) -> Iterator[Mask]:
        """Yield which rows are in the first set, shape (all rows,): in fact, then permuted."""
        first = int(self.before.max(initial=-1)) + 1
        samples = np.concatenate([self.before, first + self.fresh])
        real = np.arange(int(samples.max(initial=-1)) + 1) < first
        yield real[samples]
        permuted = np.tile(real, (RESAMPLES, 1))
        np.random.default_rng(SEED).permuted(permuted, axis=1, out=permuted)
        for partition in permuted:
            yield partition[samples]


def distance_p_value(before: NDArray[Any], fresh: NDArray[Any], samples: RowSamples) -> float:
    """Return the p-value of the distance between two distribution functions.

    Args:
        before: Numbers of the earlier rows, shape (rows,).
        fresh: Numbers of the new rows, shape (new rows,).
        samples: Samples of these rows, which are permuted.
    """
    values = np.concatenate([before, fresh]).astype(np.float64)
    order = np.argsort(values, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(values[order]), 1.0))
    distances = np.array([_distance(first[order], ends) for first in samples.memberships()])
    return float((distances >= distances[0] - _TOLERANCE).mean())


def _distance(first: Mask, ends: Numbers) -> float:
    """Return the largest distance of two distribution functions, at the last of equal values."""
    below = np.cumsum(first)[ends] / max(first.sum(), 1)
    below_others = np.cumsum(~first)[ends] / max((~first).sum(), 1)
    return float(np.abs(below - below_others).max())


def _renumber(numbers: Numbers) -> Numbers:
    return np.asarray(np.unique(numbers, return_inverse=True)[1], dtype=np.int64)
