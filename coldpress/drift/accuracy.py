"""Compare a model's accuracy on new rows with that on its test rows.

For kinds without classes, the mean sample score takes the place of the accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coldpress.drift.proportions import compare_scores, mean_interval
from coldpress.drift.result import AccuracyChange, ShareDifference
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Comparison, Interval
from coldpress.evaluation.statistics import paired
from coldpress.evaluation.statistics.metric_bootstrap import loss_p_value, mean_difference
from coldpress.evaluation.statistics.paired import TAIL
from coldpress.evaluation.wording import points, significance_verdict
from coldpress.kinds.kind import TargetArray, TaskKind
from coldpress.kinds.scores import SampleScores

MIN_LOSS = 0.01
"""Smallest loss that is reported: with many rows even a negligible one is significant."""


def compare_accuracy(before: Predictions, fresh: Predictions) -> AccuracyChange:
    """Compare a model's mean sample score on new rows with that on its test rows.

    Samples that are in both sets, with the same texts and targets, are compared pairwise: there
    only the model or its runtime can have changed. All others are independent.

    Args:
        before: Predictions for the test rows.
        fresh: Predictions for the new rows; kind and names are the same.

    Returns:
        The model is worse if one of the two 95 % intervals lies below 0 and the loss is at least a
        point; on the same samples, only if a test confirms it, since an interval of few samples is
        too narrow. If nothing was lost, each of the two is wrong in at most 2.5 of 100 cases.
    """
    binary = before.kind.is_classification
    old = before.sample_scores(before.final)
    new = fresh.sample_scores(fresh.final, before.scale)
    pairs = _match_samples(before, fresh)
    unmatched = np.setdiff1d(np.arange(len(new)), pairs[:, 1])
    then, now = old[pairs[:, 0]], new[pairs[:, 1]]
    classes = fresh.targets[pairs[:, 1]] if binary else None
    same = _compare_same_samples(then, now, classes)
    independent = compare_scores(new[unmatched], old, binary) if len(unmatched) else None
    return AccuracyChange(
        fresh=_interval(new, binary),
        others=independent,
        same=same,
        worse=_is_lower_on_others(independent)
        # For classification, the verdict on the same rows contains McNemar's test.
        or (_is_lower_on_same(same) and (binary or loss_p_value(now, then) < TAIL)),
        sentence=" ".join(_sentences(before.kind, independent, same)),
        metric=before.kind.sample_metric.name,
        metric_title=before.kind.sample_metric.title,
    )


def _interval(scores: SampleScores, binary: bool) -> Interval:
    if not binary:
        return mean_interval(scores)
    return paired.accuracy_interval(int(scores.sum()), len(scores))


def _match_samples(before: Predictions, fresh: Predictions) -> NDArray[np.int64]:
    """Find samples with the same texts and targets: (test sample, new one), shape (pairs, 2)."""
    sample_by_key = {key: sample for sample, key in enumerate(_sample_keys(before))}
    pairs = [
        (sample_by_key[key], sample)
        for sample, key in enumerate(_sample_keys(fresh))
        if key in sample_by_key
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _sample_keys(predictions: Predictions) -> Sequence[tuple[str, str]]:
    return list(zip(predictions.sample_ids, predictions.target_texts, strict=True))


def _compare_same_samples(
    before: SampleScores, fresh: SampleScores, classes: TargetArray | None
) -> Comparison | None:
    """Compare the scores of the same samples then and now; None without such samples.

    Args:
        before: Scores then, shape (samples,).
        fresh: Scores now.
        classes: Classes of the samples; None for kinds without classes.
    """
    if not len(fresh):
        return None
    if classes is not None:
        return paired.compare_models(("now", "then"), fresh == 1, before == 1, classes)
    difference = mean_difference(fresh, before)
    return Comparison(model="now", baseline="then", n=len(fresh), difference=difference)


def _is_lower_on_others(independent: ShareDifference | None) -> bool:
    if independent is None:
        return False
    return independent.difference.high < 0 and independent.difference.estimate <= -MIN_LOSS


def _is_lower_on_same(same: Comparison | None) -> bool:
    if same is None:
        return False
    return significance_verdict(same) == "worse" and same.difference.estimate <= -MIN_LOSS


def _sentences(
    kind: TaskKind, independent: ShareDifference | None, same: Comparison | None
) -> list[str]:
    sentences = []
    title = kind.sample_metric.heading
    noun = kind.samples_title
    if independent is not None:
        difference = independent.difference
        sentences.append(
            f"{title} on {independent.n} {noun} outside its test split is "
            f"{points(independent.fresh.estimate)} %, in its scorecard "
            f"{points(independent.before.estimate)} %: {points(difference.estimate)} points, "
            f"95 % interval {points(difference.low)} to {points(difference.high)}."
        )
    if same is not None and not kind.is_classification:
        change = points(same.difference.estimate)
        sentences.append(
            f"{title} on {same.n} {noun} of its test split changed by {change} points."
        )
    elif same is not None:
        sentences.append(
            f"Of {same.n} rows of its test split, {same.only_baseline_right} were predicted "
            f"correctly then and wrongly now, {same.only_model_right} the other way round."
        )
    return sentences
