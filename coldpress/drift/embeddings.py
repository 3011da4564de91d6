"""Embedding shift: do texts mean what they meant."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from coldpress.drift.shift import RESAMPLES, SEED, Shift
from coldpress.evaluation.wording import points

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
_TOLERANCE = 1e-12


def embedding_shift(reference: Vectors, fresh: Vectors) -> Shift:
    """Compare clouds of vectors by their energy distance, with a permutation test.

    The distance is 2 E|X - Y| - E|X - X'| - E|Y - Y'|, which is 0 only for equal distributions
    (Szekely and Rizzo, "Testing for equal distributions in high dimension", 2004). It has no
    bandwidth that would have to be chosen. Pairs of a vector with itself are left out, so that it
    is 0 on average where nothing has changed.

    Args:
        reference: Shape (rows, width).
        fresh: Shape (fresh rows, width).

    Returns:
        As the effect, the square root of the distance over 2 E|X - Y| (the coefficient of
        inhomogeneity of Szekely and Rizzo, "Energy statistics", 2013): from 0, for equal clouds, to
        1. The root, since it then grows with the share of texts that come from elsewhere.
    """
    both = np.concatenate([reference, fresh]).astype(np.float64)
    distances, memberships = cdist(both, both), _memberships(len(reference), len(fresh))
    energies, across = _energy_distances(distances, memberships)
    p = float((energies >= energies[0] - _TOLERANCE).mean())
    part = max(float(energies[0] / across[0]), 0.0) if across[0] else 0.0
    sentence = (
        f"A fresh text lies {points(part / (1 - part))} % farther from an earlier one than "
        "texts of one time from each other."
    )
    return Shift(math.sqrt(part), p, sentence)


def _memberships(before: int, after: int) -> Floats:
    """Say who belongs to the reference, shape (rows, 1 + resamples): as it is, then at random."""
    random = np.random.default_rng(SEED)
    real = np.arange(before + after) < before
    drawn = np.tile(real, (RESAMPLES, 1))
    random.permuted(drawn, axis=1, out=drawn)
    return np.concatenate([real[None], drawn]).T.astype(np.float64)


def _energy_distances(distances: Floats, first: Floats) -> tuple[Floats, Floats]:
    """Return the energy distance of each partition, and twice the mean distance across it.

    All sums over pairs follow from the product of the distances with the memberships.
    """
    n = first[:, 0].sum()
    m = len(first) - n
    to_first = distances @ first
    within = (first * to_first).sum(axis=0)
    across = to_first.sum(axis=0) - within
    other = distances.sum() - within - 2 * across
    twice = 2 * across / (n * m)
    return twice - within / (n * (n - 1)) - other / (m * (m - 1)), twice
