"""Resamples for the bootstrap: samples are drawn with replacement, each with all of its units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
_SEED = 0
_CHUNK_SIZE = 50  # 40 MB for 100,000 samples


@dataclass(frozen=True)
class SampleUnits:
    """Units of each sample.

    Attributes:
        units: Numbers of the units, sample by sample, shape (units,).
        sizes: Number of units of each sample, shape (samples,).
    """

    units: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @classmethod
    def from_numbers(cls, samples: NDArray[np.int64]) -> SampleUnits:
        """Collect the units of each sample.

        Args:
            samples: Number of each unit's sample, from 0 without gaps, shape (units,).

        Returns:
            Units in ascending order within each sample.
        """
        return cls(np.argsort(samples, kind="stable"), np.bincount(samples))

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.sizes)

    def take(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the units of some samples; those of a sample that is drawn twice appear twice.

        Args:
            samples: Numbers of samples, shape (drawn,).

        Returns:
            Numbers of units, sample by sample.
        """
        sizes = self.sizes[samples]
        first = (np.cumsum(self.sizes) - self.sizes)[samples]
        shift = first - (np.cumsum(sizes) - sizes)
        positions = np.arange(int(sizes.sum())) + np.repeat(shift, sizes)
        return np.asarray(self.units[positions])


def draw_samples(count: int) -> Iterator[NDArray[np.int64]]:
    """Draw samples with replacement, 2,000 times; the same ones for every model.

    They are drawn one by one: for 100,000 samples all together would take 1.6 GB.

    Args:
        count: Number of samples.

    Yields:
        Numbers of samples, shape (count,).
    """
    random = np.random.default_rng(_SEED)
    for _ in range(RESAMPLES):
        yield random.integers(count, size=count)


def draw_weights(count: int) -> Iterator[NDArray[np.float64]]:
    """Draw samples with replacement, 2,000 times, as the number of times that each is drawn.

    The numbers are those of a multinomial distribution with equal probabilities.

    Args:
        count: Number of samples.

    Yields:
        Shape (resamples, count): a part of the 2,000 resamples; the same ones for every model.
    """
    random = np.random.default_rng(_SEED)
    first_bins = np.arange(_CHUNK_SIZE)[:, None] * count
    for _ in range(0, RESAMPLES, _CHUNK_SIZE):
        drawn = random.integers(count, size=(_CHUNK_SIZE, count)) + first_bins
        times = np.bincount(drawn.ravel(), minlength=_CHUNK_SIZE * count)
        yield times.reshape(_CHUNK_SIZE, count).astype(np.float64)
