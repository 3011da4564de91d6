"""Compare the final model with the teacher by class and slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Group, GroupKind
from coldpress.evaluation.statistics import metric_bootstrap, paired
from coldpress.evaluation.subgroups.slices import Slice
from coldpress.kinds.kind import TargetArray


@dataclass(frozen=True)
class PairedRows:
    """Row scores of two models.

    Attributes:
        model: Of the final model, shape (rows,).
        baseline: Of the teacher, shape (rows,).
        targets: Shape (rows,).
        binary: True if row scores are 0 or 1, which allows exact tests.
    """

    model: NDArray[Any]
    baseline: NDArray[Any]
    targets: TargetArray
    binary: bool

    def take(self, rows: Sequence[int]) -> PairedRows:
        """Return some of the rows."""
        index = list(rows)
        return PairedRows(self.model[index], self.baseline[index], self.targets[index], self.binary)


def paired_rows(predictions: Predictions) -> PairedRows:
    """Return the row scores of the final model and of the teacher."""
    return PairedRows(
        predictions.row_scores(predictions.final),
        predictions.row_scores(predictions.teacher),
        predictions.targets,
        predictions.kind.is_classification,
    )


def target_slices(predictions: Predictions) -> list[Slice]:
    """Return one slice per class, or per range of the targets."""
    kind = predictions.kind
    groups = kind.target_groups(predictions.targets, predictions.names)
    slice_kind: GroupKind = "class" if kind.has_labels else "target"
    return [Slice(slice_kind, group.name, group.rows) for group in groups]


def compare_groups(groups: Sequence[Slice], rows: PairedRows) -> tuple[Group, ...]:
    """Test each group for a loss, adjusted for the number of groups.

    Each group has a paired bootstrap interval of its difference and a one-sided test of a loss:
    for classification, the exact McNemar test. The p-values of all groups are adjusted together
    (Holm). Groups with identical rows are tested once, under the first name: a second test would
    only make the adjustment stricter for every other group.

    Args:
        groups: Groups to compare; they may share rows.
        rows: Row scores of both models.

    Returns:
        One record per group with distinct rows, in the given order.
    """
    groups = list({group.rows: group for group in reversed(groups)}.values())[::-1]
    alpha = paired.SIGNIFICANCE_LEVEL / max(1, len(groups))
    compare = _compare_binary if rows.binary else _compare_means
    records = [compare(group, rows.take(group.rows), alpha) for group in groups]
    adjusted = paired.holm([record.p for record in records])
    return tuple(
        record.model_copy(update={"p_adjusted": p})
        for record, p in zip(records, adjusted, strict=True)
    )


def _compare_binary(group: Slice, rows: PairedRows, alpha: float) -> Group:
    """Compare the accuracy of two classifiers on the rows of one group."""
    model = rows.model == 1
    baseline = rows.baseline == 1
    only_model = int((model & ~baseline).sum())
    only_baseline = int((baseline & ~model).sum())
    p = paired.mcnemar(only_model, only_baseline, "less")
    return Group(
        kind=group.kind,
        name=group.name,
        n=len(model),
        before=float(baseline.mean()),
        after=float(model.mean()),
        difference=paired.paired_interval(model, baseline, rows.targets),
        p=p,
        p_adjusted=p,
        detectable_drop=paired.detectable_drop(len(model), alpha),
    )


def _compare_means(group: Slice, rows: PairedRows, alpha: float) -> Group:
    """Compare the mean row scores of two models on the rows of one group."""
    p = metric_bootstrap.loss_p_value(rows.model, rows.baseline)
    return Group(
        kind=group.kind,
        name=group.name,
        n=len(rows.model),
        before=float(rows.baseline.mean()),
        after=float(rows.model.mean()),
        difference=metric_bootstrap.mean_difference(rows.model, rows.baseline),
        p=p,
        p_adjusted=p,
        detectable_drop=metric_bootstrap.detectable_loss(rows.model, rows.baseline, alpha),
    )
