"""Length shift: are the texts as long as before?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from coldpress.drift.shift import Shift

Lengths = NDArray[np.int64]


def length_shift(reference: Lengths, fresh: Lengths) -> Shift:
    """Compare text lengths by the Kolmogorov-Smirnov test.

    Its p-value assumes lengths without ties; with ties it is larger than necessary.

    Args:
        reference: Words of each earlier text, shape (rows,).
        fresh: Words of each new text, shape (new rows,).

    Returns:
        The effect is the largest difference between the two cumulative distributions.
    """
    test = ks_2samp(reference, fresh, method="asymp")
    before = float(np.median(reference))
    after = float(np.median(fresh))
    sentence = f"The median text had {before:g} words before and has {after:g} now."
    return Shift(float(test.statistic), float(test.pvalue), sentence)
