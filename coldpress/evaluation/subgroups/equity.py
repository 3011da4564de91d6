"""Compare the final model with the teacher by class and slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Group, GroupKind
from coldpress.evaluation.statistics import metric_bootstrap, paired
from coldpress.evaluation.subgroups.slices import Slice
from coldpress.kinds.kind import TargetArray
from coldpress.kinds.scores import TargetGroup


@dataclass(frozen=True)
class PairedGroup:
    """Scores of two models for the items of a group, such as the samples of a slice.

    Attributes:
        kind: How the group was defined.
        name: Name for reports.
        items: Numbers of the items, ascending.
        model: Scores of the final model, from 0 to 1, shape (items,).
        baseline: Scores of the teacher, shape (items,).
        strata: Stratum of each item, such as its class; resamples contain equally many of each.
            Shape (items,).
        samples: Number of each item's sample, see `TargetGroup`.
    """

    kind: GroupKind
    name: str
    items: tuple[int, ...]
    model: NDArray[np.float64]
    baseline: NDArray[np.float64]
    strata: TargetArray
    samples: NDArray[np.int64] | None = None

    @property
    def allows_exact_test(self) -> bool:
        """True if all scores are 0 or 1, and no two items are of the same sample."""
        independent = self.samples is None or len(np.unique(self.samples)) == len(self.items)
        return independent and bool(np.isin([self.model, self.baseline], (0, 1)).all())

    @property
    def content(self) -> tuple[tuple[int, ...], bytes, bytes]:
        """What makes two groups the same: their items and scores."""
        return self.items, self.model.tobytes(), self.baseline.tobytes()


def target_groups(predictions: Predictions) -> list[PairedGroup]:
    """Return one group per class, or per range of the targets."""
    kind: GroupKind = "class" if predictions.kind.has_labels else "target"
    model = _scored_groups(predictions, predictions.final)
    baseline = _scored_groups(predictions, predictions.teacher)
    return [
        PairedGroup(
            kind=kind,
            name=ours.name,
            items=ours.items,
            model=ours.scores,
            baseline=theirs.scores,
            strata=_strata(predictions, ours.items),
            samples=ours.samples,
        )
        for ours, theirs in zip(model, baseline, strict=True)
    ]


def slice_groups(slices: Sequence[Slice], predictions: Predictions) -> list[PairedGroup]:
    """Return the sample scores of both models for the samples of each slice."""
    model = predictions.sample_scores(predictions.final)
    baseline = predictions.sample_scores(predictions.teacher)
    return [
        PairedGroup(
            kind=group.kind,
            name=group.name,
            items=group.rows,
            model=model[list(group.rows)],
            baseline=baseline[list(group.rows)],
            strata=_strata(predictions, group.rows),
        )
        for group in slices
    ]


def compare_groups(groups: Sequence[PairedGroup]) -> tuple[Group, ...]:
    """Test each group for a loss, adjusted for the number of groups.

    Each group has a paired bootstrap interval of its difference and a one-sided test of a loss: the
    exact McNemar test if all of its scores are 0 or 1, otherwise the permutation test. Items of one
    sample, such as the entities of a text, are not independent: they are resampled and permuted
    together. The p-values of all groups are adjusted together (Holm). Groups with identical items
    and scores are tested once, under the first name: a second test would only make the adjustment
    stricter for every other group.

    Args:
        groups: Groups to compare; they may share items.

    Returns:
        One record per distinct group, in the given order.
    """
    groups = list({group.content: group for group in reversed(groups)}.values())[::-1]
    alpha = paired.SIGNIFICANCE_LEVEL / max(1, len(groups))
    records = [
        _compare_binary(group, alpha) if group.allows_exact_test else _compare_means(group, alpha)
        for group in groups
    ]
    adjusted = paired.holm([record.p for record in records])
    return tuple(
        record.model_copy(update={"p_adjusted": p})
        for record, p in zip(records, adjusted, strict=True)
    )


def _scored_groups(predictions: Predictions, model: str) -> list[TargetGroup]:
    outputs = predictions.outputs[model]
    return predictions.kind.target_groups(
        outputs, predictions.targets, predictions.names, predictions.scale
    )


def _strata(predictions: Predictions, items: Sequence[int]) -> TargetArray:
    """Return the classes of rows; the items of other kinds are in a single stratum."""
    if predictions.kind.is_classification:
        return predictions.targets[list(items)]
    return np.zeros(len(items), dtype=np.int64)


def _compare_binary(group: PairedGroup, alpha: float) -> Group:
    """Compare the shares of items that two models predict correctly."""
    model = group.model == 1
    baseline = group.baseline == 1
    only_model = int((model & ~baseline).sum())
    only_baseline = int((baseline & ~model).sum())
    p = paired.mcnemar(only_model, only_baseline, "less")
    return Group(
        kind=group.kind,
        name=group.name,
        n=len(model),
        before=float(baseline.mean()),
        after=float(model.mean()),
        difference=paired.paired_interval(model, baseline, group.strata),
        p=p,
        p_adjusted=p,
        detectable_drop=paired.detectable_drop(len(model), alpha),
    )


def _compare_means(group: PairedGroup, alpha: float) -> Group:
    """Compare the mean scores of two models."""
    model, baseline, sizes = _sample_sums(group)
    p = metric_bootstrap.loss_p_value(model, baseline)
    detectable = metric_bootstrap.detectable_loss(model, baseline, alpha, sizes)
    if sizes is not None and detectable is not None:
        # Even if every lost item were of another sample, so many would have to be lost.
        detectable = max(detectable, paired.detectable_drop(len(group.items), alpha) or 0.0)
    return Group(
        kind=group.kind,
        name=group.name,
        n=len(group.model),
        before=float(group.baseline.mean()),
        after=float(group.model.mean()),
        difference=metric_bootstrap.mean_difference(model, baseline, sizes),
        p=p,
        p_adjusted=p,
        detectable_drop=detectable,
    )


def _sample_sums(
    group: PairedGroup,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64] | None]:
    """Return the sums of both models' scores and the number of items, for each sample."""
    if group.samples is None:
        return group.model, group.baseline, None
    _, numbers, sizes = np.unique(group.samples, return_inverse=True, return_counts=True)
    model, baseline = (
        np.bincount(numbers, weights=scores).astype(np.float64)
        for scores in (group.model, group.baseline)
    )
    return model, baseline, sizes
