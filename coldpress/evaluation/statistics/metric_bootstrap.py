"""Bootstrap intervals and tests for metrics without a closed form, paired over samples.

Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 (percentile intervals)
and 15 (permutation tests). Samples are what is independent, such as rows or queries: a resample
contains a sample with all of its units, or not at all (the cluster bootstrap; Davison & Hinkley,
"Bootstrap Methods and their Application", 1997, section 3.8).

If all resamples give the same value, as for two models with the same ranking, the bootstrap would
claim certainty for 7 samples as for 7000. The bounds are then as far away as for a classifier
without a wrong row: Wilson's upper bound of the share of samples that could differ.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from coldpress.evaluation.scorecard.scorecard import Interval
from coldpress.evaluation.statistics.paired import TAIL, accuracy_interval
from coldpress.evaluation.statistics.resampling import SampleUnits, draw_samples, draw_weights
from coldpress.kinds.additive import AdditiveKind
from coldpress.kinds.kind import Outputs, TargetArray, TaskKind
from coldpress.kinds.scores import SampleScores

PERMUTATIONS = 10_000
_SEED = 0
_CHUNK_SIZE = 50  # 40 MB for 100,000 samples


def metric_interval(kind: TaskKind, outputs: Outputs, targets: TargetArray) -> Interval:
    """Bootstrap the first metric of a task kind: 95 % percentile interval.

    Args:
        kind: Its `main_score` is computed on every resample, from sums if it is an `AdditiveKind`.
        outputs: Shape (units, outputs).
        targets: Of the same units.

    Returns:
        The metric on all samples, with the interval of 2,000 resamples of the samples.
    """
    values = _resampled_scores(kind, outputs, targets)
    estimate = kind.main_score(outputs, targets)
    return _percentile_interval(estimate, values, sample_count(kind, targets), most=1.0)


def metric_difference(
    kind: TaskKind, model: Outputs, baseline: Outputs, targets: TargetArray
) -> Interval:
    """Bootstrap a difference in the first metric of a task kind: 95 % percentile interval.

    Both models are evaluated on the same resampled samples.

    Args:
        kind: Its `main_score` is computed on every resample, from sums if it is an `AdditiveKind`.
        model: Outputs of the model, shape (units, outputs).
        baseline: Outputs of the baseline, shape (units, outputs).
        targets: Of the same units.

    Returns:
        The metric of the model minus that of the baseline.
    """
    ours, theirs = (_resampled_scores(kind, outputs, targets) for outputs in (model, baseline))
    estimate = kind.main_score(model, targets) - kind.main_score(baseline, targets)
    return _percentile_interval(estimate, ours - theirs, sample_count(kind, targets), most=2.0)


def mean_difference(
    model: SampleScores, baseline: SampleScores, sizes: NDArray[np.int64] | None = None
) -> Interval:
    """Bootstrap a difference in the mean score of items: 95 % percentile interval.

    Args:
        model: Score of each sample, or sum of the scores of its items, shape (samples,).
        baseline: The same of the baseline, shape (samples,).
        sizes: Number of items of each sample, shape (samples,); None if the items are samples.

    Returns:
        The mean of the model minus that of the baseline.
    """
    differences = model - baseline
    items = np.ones(len(model), dtype=np.int64) if sizes is None else sizes
    values = np.array(
        [differences[drawn].sum() / items[drawn].sum() for drawn in draw_samples(len(model))]
    )
    estimate = float(differences.sum() / items.sum())
    return _percentile_interval(estimate, values, len(differences), most=1.0)


def sample_count(kind: TaskKind, targets: TargetArray) -> int:
    """Return the number of samples.

    Args:
        kind: Task kind of the targets.
        targets: One per unit.
    """
    return int(kind.samples(targets).max(initial=-1)) + 1


def loss_p_value(model: SampleScores, baseline: SampleScores) -> float:
    """Test whether the sum of scores is lower: one-sided permutation test of random signs.

    If the models were equally good, each sample's difference could as well have the other sign.

    Args:
        model: Score of each sample, or sum of the scores of its items, shape (samples,).
        baseline: The same of the baseline, shape (samples,).

    Returns:
        The share of 10,000 random signs with a sum at most as large; the observed signs count.
    """
    differences = model - baseline
    random = np.random.default_rng(_SEED)
    as_low = 1
    for _ in range(0, PERMUTATIONS, _CHUNK_SIZE):
        signs = random.choice([-1.0, 1.0], size=(_CHUNK_SIZE, len(differences)))
        # A tolerance, since sums of the same numbers in another order may differ in a last bit.
        as_low += int((signs @ differences <= differences.sum() + 1e-9).sum())
    return as_low / (PERMUTATIONS + 1)


def detectable_loss(
    model: SampleScores,
    baseline: SampleScores,
    alpha: float,
    sizes: NDArray[np.int64] | None = None,
) -> float | None:
    """Smallest loss in the mean score of items that can be significant with their spread.

    Args:
        model: Score of each sample, or sum of the scores of its items, shape (samples,).
        baseline: The same of the baseline, shape (samples,).
        alpha: Level that p must be below.
        sizes: Number of items of each sample, shape (samples,); None if the items are samples.

    Returns:
        In units of the score, by the normal approximation. None if it is larger than any loss could
        be, or if the samples are too few for any: of n samples, p is at least 1 / 2^n.
    """
    if 0.5 ** len(model) >= alpha:
        return None
    spread = float((model - baseline).std(ddof=1)) / math.sqrt(len(model))
    items = 1.0 if sizes is None else float(sizes.mean())
    loss = NormalDist().inv_cdf(1 - alpha) * spread / items
    return loss if loss <= 1 else None


def _resampled_scores(
    kind: TaskKind, outputs: Outputs, targets: TargetArray
) -> NDArray[np.float64]:
    """Return the first metric on each resample, shape (resamples,)."""
    if isinstance(kind, AdditiveKind):
        counts = kind.counts(outputs, targets)
        weights = draw_weights(len(counts))
        return np.concatenate([kind.score_of_counts(times @ counts) for times in weights])
    units = SampleUnits.from_numbers(kind.samples(targets))
    resamples = (units.take(drawn) for drawn in draw_samples(len(units)))
    return np.array([kind.main_score(outputs[chosen], targets[chosen]) for chosen in resamples])


def _percentile_interval(
    estimate: float, values: NDArray[np.float64], samples: int, most: float
) -> Interval:
    """Return the interval of resampled values, which are from -most to most."""
    low, high = (float(bound) for bound in np.quantile(values, [TAIL, 1 - TAIL]))
    margin = accuracy_interval(0, samples).high if low == high else 0.0
    return Interval(estimate=estimate, low=max(low - margin, -most), high=min(high + margin, most))
