"""Metrics that are functions of sums over samples, such as a mean or micro F1."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from coldpress.kinds.kind import Outputs, TargetArray

Counts = NDArray[np.float64]
"""Numbers that are added up over samples, shape (..., numbers)."""


@runtime_checkable
class AdditiveKind(Protocol):
    """A kind whose first metric is a function of sums over samples.

    A kind has these methods, or lacks them. With them the bootstrap computes the metric of
    thousands of resamples by a matrix product. A metric that needs to know which units belong to
    the same sample must be of this form, since a resample contains samples several times.
    """

    def counts(self, outputs: Outputs, targets: TargetArray) -> Counts:
        """Return the numbers that the metric adds up.

        Args:
            outputs: Shape (units, outputs).
            targets: Of the same units.

        Returns:
            Shape (samples, numbers).
        """

    def score_of_counts(self, counts: Counts) -> NDArray[np.float64]:
        """Return the first metric from sums of `counts`.

        Args:
            counts: Shape (..., numbers).

        Returns:
            Shape (...).
        """
