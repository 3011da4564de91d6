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


def label_frequency_shift(reference: Labels, fresh: Labels, names: Sequence[str]) -> Shift:
    """Compare label frequencies of rows with any number of labels.

    The p-value is that of a permutation test: rows change sides at random, with all their labels,
    which need not be independent of each other.

    Args:
        reference: 0 or 1 for every label of the earlier rows, shape (rows, labels).
        fresh: Those of the new rows, shape (new rows, labels).
        names: Label names.

    Returns:
        The effect is half the sum of the absolute changes of all frequencies, divided by the mean
        number of labels in a row: if every row has one, the total variation distance.
    """
    rows = np.concatenate([reference, fresh]).astype(np.float64)
    effect = _frequency_change(rows, len(reference))
    before, after = reference.mean(axis=0), fresh.mean(axis=0)
    most = int(np.abs(after - before).argmax())
    sentence = (
        f"{names[most]} changed most, from {points(before[most])} % of the rows to"
        f" {points(after[most])}."
    )
    if not effect:
        sentence = "Each label is as frequent as before."
    random = np.random.default_rng(SEED)
    effects = [
        _frequency_change(random.permutation(rows), len(reference)) for _ in range(RESAMPLES)
    ]
    # A tolerance, since sums of the same numbers in another order may differ in a last bit.
    as_large = sum(permuted >= effect - 1e-12 for permuted in effects)
    return Shift(min(effect, 1.0), (1 + as_large) / (1 + RESAMPLES), sentence)


def _frequency_change(rows: NDArray[np.float64], count: int) -> float:
    """Return the effect of splitting rows (rows, labels) after `count` of them."""
    before, after = rows[:count].mean(axis=0), rows[count:].mean(axis=0)
    return float(np.abs(after - before).sum() / 2 / max(rows.sum(axis=1).mean(), 1.0))


def _p_value(counts: NDArray[np.int64]) -> float:
    """Return the p-value of a table of counts, shape (2, labels), without empty columns."""
    if counts.shape[1] == 1:
        return 1.0
    tables = MonteCarloMethod(n_resamples=RESAMPLES, rng=np.random.default_rng(SEED))
    return float(chi2_contingency(counts, correction=False, method=tables).pvalue)
