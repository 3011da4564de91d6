"""Target shift: are the numbers distributed as before?"""

from __future__ import annotations

import numpy as np
from scipy.stats import ks_2samp

from coldpress.drift.permutation import RowSamples, distance_p_value
from coldpress.drift.shift import Shift
from coldpress.kinds.kind import TargetArray


def target_shift(
    reference: TargetArray, fresh: TargetArray, samples: RowSamples | None = None
) -> Shift:
    """Compare the distributions of numbers by the two-sample Kolmogorov-Smirnov test.

    Args:
        reference: Targets or predictions of the earlier rows, shape (rows,).
        fresh: Those of the new rows, shape (new rows,).
        samples: Samples of these rows, whose permutation gives p; None: each row is one.

    Returns:
        The effect is the largest distance between the two distribution functions.
    """
    result = ks_2samp(reference, fresh)
    before, after = (f"{float(np.median(values)):.4g}" for values in (reference, fresh))
    sentence = f"The median changed from {before} to {after}."
    if before == after:
        before, after = (f"{float(np.mean(values)):.4g}" for values in (reference, fresh))
        sentence = f"The mean changed from {before} to {after}."
    p = result.pvalue if samples is None else distance_p_value(reference, fresh, samples)
    return Shift(float(result.statistic), float(p), sentence)
