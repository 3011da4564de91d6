"""Label shift: is each label as frequent as it was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import MonteCarloMethod, chi2_contingency

from coldpress.drift.shift import RESAMPLES, SEED, Shift
from coldpress.evaluation.wording import points

Labels = NDArray[np.int64]


def label_shift(reference: Labels, fresh: Labels, names: Sequence[str]) -> Shift:
    """Compare how frequent labels are.

    The p-value is that of a chi-square test of homogeneity, over random tables with the same
    sums instead of the chi-square distribution, which many rare labels do not follow.

    Args:
        reference: Label indices, shape (rows,).
        fresh: The same of the fresh rows.
        names: Label names, in the order of their indices.

    Returns:
        As the effect, the total variation distance: the share of rows that would have to change
        their label.
    """
    counts = np.stack([np.bincount(rows, minlength=len(names)) for rows in (reference, fresh)])
    shares = counts / counts.sum(axis=1, keepdims=True)
    change = np.abs(shares[1] - shares[0])
    most = int(change.argmax())
    before, after = (f"{points(share)} %" for share in shares[:, most])
    sentence = f"{names[most]} went from {before} of the rows to {after}, more than any other."
    if not change[most]:
        sentence = "Each label is as frequent as it was."
    return Shift(float(change.sum() / 2), _p_value(counts[:, counts.any(axis=0)]), sentence)


def _p_value(counts: NDArray[np.int64]) -> float:
    if counts.shape[1] == 1:
        return 1.0
    tables = MonteCarloMethod(n_resamples=RESAMPLES, rng=np.random.default_rng(SEED))
    return float(chi2_contingency(counts, correction=False, method=tables).pvalue)
