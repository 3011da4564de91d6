"""Length shift: are texts as long as they were."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from coldpress.drift.shift import Shift

Lengths = NDArray[np.int64]


def length_shift(reference: Lengths, fresh: Lengths) -> Shift:
    """Compare how many words texts have, by the test of Kolmogorov and Smirnov.

    Its p-value is for lengths that never tie; where they do it is larger than it need be.

    Args:
        reference: Words of each text, shape (rows,).
        fresh: The same of the fresh texts.

    Returns:
        As the effect, the largest difference between the shares of texts up to some length.
    """
    found = ks_2samp(reference, fresh, method="asymp")
    before, after = float(np.median(reference)), float(np.median(fresh))
    sentence = f"The median text had {before:g} words, and has {after:g} now."
    return Shift(float(found.statistic), float(found.pvalue), sentence)
