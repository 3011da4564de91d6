"""Bootstrap intervals and tests for metrics without a closed form, paired over rows.

Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 (percentile intervals) and
15 (permutation tests).

If all resamples give the same value, as for two models with the same ranking, the bootstrap would
claim certainty for 7 rows as for 7000. The bounds are then as far away as for a classifier without
a wrong row: Wilson's upper bound of the share of rows that could differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.evaluation.statistics.paired import TAIL, accuracy_interval
from coldpress.kinds.kind import Outputs, RowScores, TargetArray, TaskKind

RESAMPLES = 2_000
PERMUTATIONS = 10_000
_SEED = 0
_CHUNK_SIZE = 50  # 40 MB for 100,000 rows


def metric_interval(kind: TaskKind, outputs: Outputs, targets: TargetArray) -> Interval:
    """Bootstrap the first metric of a task kind: 95 % percentile interval.

    Args:
        kind: Its `main_score` is computed on every resample.
        outputs: Shape (rows, outputs).
        targets: Shape (rows,).

    Returns:
        The metric on all rows, with the interval of 2,000 resamples of the rows.
    """

    def score(rows: NDArray[np.int64] | slice) -> float:
        return kind.main_score(outputs[rows], targets[rows])

    return _bootstrap(score, len(targets), most=1.0)


def metric_difference(
    kind: TaskKind, model: Outputs, baseline: Outputs, targets: TargetArray
) -> Interval:
    """Bootstrap a difference in the first metric of a task kind: 95 % percentile interval.

    Both models are evaluated on the same resampled rows.

    Args:
        kind: Its `main_score` is computed on every resample.
        model: Outputs of the model, shape (rows, outputs).
        baseline: Outputs of the baseline, shape (rows, outputs).
        targets: Shape (rows,).

    Returns:
        The metric of the model minus that of the baseline.
    """

    def difference(rows: NDArray[np.int64] | slice) -> float:
        ours = kind.main_score(model[rows], targets[rows])
        return ours - kind.main_score(baseline[rows], targets[rows])

    return _bootstrap(difference, len(targets), most=2.0)


def mean_difference(model: RowScores, baseline: RowScores) -> Interval:
    """Bootstrap a difference in the mean row score: 95 % percentile interval.

    Args:
        model: Scores of the model, shape (rows,).
        baseline: Scores of the baseline for the same rows, shape (rows,).

    Returns:
        The mean of the model minus that of the baseline.
    """
    differences = model - baseline
    return _bootstrap(lambda rows: float(differences[rows].mean()), len(differences), most=1.0)


def loss_p_value(model: RowScores, baseline: RowScores) -> float:
    """Test whether the mean row score is lower: one-sided permutation test of random signs.

    If the models were equally good, the difference of each row could as well have the other sign.

    Args:
        model: Scores of the model, shape (rows,).
        baseline: Scores of the baseline for the same rows, shape (rows,).

    Returns:
        The share of 10,000 random signs with a mean at most as large; the observed signs count.
    """
    differences = model - baseline
    random = np.random.default_rng(_SEED)
    as_low = 1
    for _ in range(0, PERMUTATIONS, _CHUNK_SIZE):
        signs = random.choice([-1.0, 1.0], size=(_CHUNK_SIZE, len(differences)))
        # A tolerance, since sums of the same numbers in another order may differ in a last bit.
        as_low += int((signs @ differences <= differences.sum() + 1e-9).sum())
    return as_low / (PERMUTATIONS + 1)


def detectable_loss(model: RowScores, baseline: RowScores, alpha: float) -> float | None:
    """Smallest loss in the mean row score that can be significant with the spread of these rows.

    Args:
        model: Scores of the model, shape (rows,).
        baseline: Scores of the baseline for the same rows, shape (rows,).
        alpha: Level that p must be below.

    Returns:
        In units of the row score, by the normal approximation. None if it is larger than any loss
        could be, or if the rows are too few for any: of n rows, p is at least 1 / 2^n.
    """
    if 0.5 ** len(model) >= alpha:
        return None
    spread = float((model - baseline).std(ddof=1)) / math.sqrt(len(model))
    loss = NormalDist().inv_cdf(1 - alpha) * spread
    return loss if loss <= 1 else None


def _bootstrap(
    statistic: Callable[[NDArray[np.int64] | slice], float], rows: int, most: float
) -> Interval:
    """Compute a statistic of rows, from -most to most, and its percentile interval."""
    values = [statistic(resample) for resample in _resamples(rows)]
    low, high = (float(bound) for bound in np.quantile(values, [TAIL, 1 - TAIL]))
    margin = accuracy_interval(0, rows).high if low == high else 0.0
    return Interval(
        estimate=statistic(slice(None)),
        low=max(low - margin, -most),
        high=min(high + margin, most),
    )


def _resamples(rows: int) -> Iterator[NDArray[np.int64]]:
    """Draw rows with replacement, shape (rows,); the same ones for every model.

    They are drawn one by one: for 100,000 rows all together would take 1.6 GB.
    """
    random = np.random.default_rng(_SEED)
    for _ in range(RESAMPLES):
        yield random.integers(rows, size=rows)
