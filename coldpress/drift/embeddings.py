"""Embedding shift: are the texts about something else?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from coldpress.drift.permutation import RowSamples
from coldpress.drift.shift import Shift
from coldpress.evaluation.wording import points

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
_TOLERANCE = 1e-12


def embedding_shift(reference: Vectors, fresh: Vectors, samples: RowSamples | None = None) -> Shift:
    """Compare two sets of vectors by their energy distance, with a permutation test.

    The distance is 2 E|X - Y| - E|X - X'| - E|Y - Y'|, which is 0 only for equal distributions
    (Szekely and Rizzo, "Testing for equal distributions in high dimension", 2004). It needs no
    bandwidth. Pairs of a vector with itself are left out, so that the distance is 0 on average if
    nothing has changed.

    Args:
        reference: Vectors of the earlier rows, shape (rows, width).
        fresh: Vectors of the new rows, shape (new rows, width).
        samples: Samples of these rows, which are permuted; None: each row is one.

    Returns:
        The effect is the square root of the distance over 2 E|X - Y| (the coefficient of
        inhomogeneity of Szekely and Rizzo, "Energy statistics", 2013): from 0, for equal
        distributions, to 1. The root grows linearly with the share of texts from another source.
    """
    both = np.concatenate([reference, fresh]).astype(np.float64)
    distances = cdist(both, both)  # (rows + new rows, rows + new rows)
    permuted = samples or RowSamples.of_rows(len(reference), len(fresh))
    memberships = np.stack(list(permuted.memberships()), axis=1).astype(np.float64)
    energies, across = _energy_distances(distances, memberships)
    p = float((energies >= energies[0] - _TOLERANCE).mean())
    ratio = max(float(energies[0] / across[0]), 0.0) if across[0] else 0.0
    sentence = (
        f"A new text is {points(ratio / (1 - ratio))} % farther from an earlier one than texts "
        "of the same set are from each other."
    )
    return Shift(math.sqrt(ratio), p, sentence)


def _energy_distances(distances: Floats, first: Floats) -> tuple[Floats, Floats]:
    """Return each partition's energy distance and twice its mean distance across.

    All sums over pairs follow from the product of the distances with the memberships.

    Args:
        distances: Shape (rows, rows).
        first: 1 for rows of the first set, shape (rows, partitions).

    Returns:
        Both of shape (partitions,).
    """
    n = first.sum(axis=0)  # samples may have different numbers of rows
    m = len(first) - n
    to_first = distances @ first
    within_first = (first * to_first).sum(axis=0)
    across = to_first.sum(axis=0) - within_first
    within_second = distances.sum() - within_first - 2 * across
    twice = 2 * across / (n * m)
    return twice - within_first / (n * (n - 1)) - within_second / (m * (m - 1)), twice
