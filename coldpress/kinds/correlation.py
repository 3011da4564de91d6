"""Correlations of predictions and targets."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def spearman(first: Numbers, second: Numbers) -> float:
    """Return the Spearman correlation: that of the ranks, equal values sharing a rank.

    Args:
        first: Shape (rows,).
        second: Shape (rows,).

    Returns:
        From -1 to 1; 0 if all values of one of them are equal.
    """
    from scipy.stats import rankdata  # slow to import

    return pearson(rankdata(first), rankdata(second))


def pearson(first: Numbers, second: Numbers) -> float:
    """Return the Pearson correlation.

    Args:
        first: Shape (rows,).
        second: Shape (rows,).

    Returns:
        From -1 to 1; 0 if all values of one of them are equal.
    """
    centred = first - first.mean()
    others = second - second.mean()
    norm = math.sqrt(float(centred @ centred) * float(others @ others))
    return float(centred @ others) / norm if norm else 0.0
