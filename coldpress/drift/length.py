"""Length shift: are the texts as long as before?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from coldpress.drift.permutation import RowSamples, distance_p_value
from coldpress.drift.shift import Shift

Lengths = NDArray[np.int64]


def length_shift(reference: Lengths, fresh: Lengths, samples: RowSamples | None = None) -> Shift:
    """Compare text lengths by the Kolmogorov-Smirnov test.

    Its p-value assumes lengths without ties; with ties it is larger than necessary.

    Args:
        reference: Words of each earlier text, shape (rows,).
        fresh: Words of each new text, shape (new rows,).
        samples: Samples of these rows, whose permutation gives p; None: each row is one.

    Returns:
        The effect is the largest difference between the two cumulative distributions.
    """
    test = ks_2samp(reference, fresh, method="asymp")
    before = float(np.median(reference))
    after = float(np.median(fresh))
    sentence = f"The median text had {before:g} words before and has {after:g} now."
    p = test.pvalue if samples is None else distance_p_value(reference, fresh, samples)
    return Shift(float(test.statistic), float(p), sentence)
