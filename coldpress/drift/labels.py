"""Label shift: are the labels as frequent as before?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import MonteCarloMethod, chi2_contingency

from coldpress.drift.shift import RESAMPLES, SEED, Shift
from coldpress.evaluation.wording import points

Labels = NDArray[np.int64]


def label_shift(reference: Labels, fresh: Labels, names: Sequence[str]) -> Shift:
    """Compare label frequencies.

    The p-value is that of a chi-square test of homogeneity, estimated from random tables with the
    same margins: with many rare labels the chi-square distribution does not hold.

    Args:
        reference: Label indices of the earlier rows, shape (rows,).
        fresh: Label indices of the new rows, shape (new rows,).
        names: Label names, in the order of their indices.

    Returns:
        The effect is the total variation distance: the share of rows whose label would have to
        change.
    """
    counts = np.stack([np.bincount(rows, minlength=len(names)) for rows in (reference, fresh)])
    shares = counts / counts.sum(axis=1, keepdims=True)
    change = np.abs(shares[1] - shares[0])
    most = int(change.argmax())
    before, after = (f"{points(share)} %" for share in shares[:, most])
    sentence = f"{names[most]} changed most, from {before} of the rows to {after}."
    if not change[most]:
        sentence = "Each label is as frequent as before."
    return Shift(float(change.sum() / 2), _p_value(counts[:, counts.any(axis=0)]), sentence)


def _p_value(counts: NDArray[np.int64]) -> float:
    """Return the p-value of a table of counts, shape (2, labels), without empty columns."""
    if counts.shape[1] == 1:
        return 1.0
    tables = MonteCarloMethod(n_resamples=RESAMPLES, rng=np.random.default_rng(SEED))
    return float(chi2_contingency(counts, correction=False, method=tables).pvalue)
