"""Bounds of recall and false-positive rate at operating points, and their checks.

Absolute bounds are compared with the end of the exact interval that is further away, so that the
rows have to show the value. Losses against the teacher count only if they are significant in the
exact McNemar test, adjusted by Holm's procedure for the number of operating points, as those of
classes and slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from coldpress.evaluation.scorecard.operating_point import (
    ExactShare,
    OperatingPoint,
    ShareChange,
)
from coldpress.evaluation.statistics.paired import SIGNIFICANCE_LEVEL, holm
from coldpress.evaluation.wording import points
from coldpress.gate.verdict import Check
from coldpress.schema.section import Section


class PointBounds(Section):
    """Requirements at the operating point of a label. An empty bound is not checked."""

    label: Annotated[str, Field(min_length=1, description="Label of the operating point.")]
    min_recall: Annotated[
        float | None, Field(ge=0.0, le=1.0, description="Smallest recall, lower end of interval.")
    ] = None
    max_false_positive_rate: Annotated[
        float | None,
        Field(ge=0.0, le=1.0, description="Largest false-positive rate, upper end of interval."),
    ] = None
    max_recall_drop: Annotated[
        float | None,
        Field(ge=0.0, le=1.0, description="Largest loss of recall against the teacher."),
    ] = None
    max_false_positive_rise: Annotated[
        float | None,
        Field(
            ge=0.0,
            le=1.0,
            description="Largest rise of the false-positive rate over the teacher's.",
        ),
    ] = None


def check_points(
    bounds: Sequence[PointBounds], measured: Sequence[OperatingPoint]
) -> Iterator[Check]:
    """Check the final model at its operating points.

    Args:
        bounds: The gate's `operating_points`.
        measured: Operating points of the final model.

    Yields:
        One check per bound, named by its field; without a measured value it fails.
    """
    adjusted = {
        field: _adjusted(measured, field)
        for field in ("recall_change", "false_positive_rate_change")
    }
    points_by_label = {point.label: point for point in measured}
    for position, bound in enumerate(bounds):
        point = points_by_label.get(bound.label)
        for name, limit in bound.model_dump(exclude={"label"}, exclude_none=True).items():
            result = _CHECKS[name](point, limit, adjusted) if point else _NOT_MEASURED
            yield _check(f"operating_points.{position}.{name}", limit, result, point)


@dataclass(frozen=True)
class _Result:
    """Measured value, whether it is within its bound, and the end of the sentence."""

    value: float | None
    passed: bool
    text: str


_NOT_MEASURED = _Result(None, False, "it was not measured; a check without a value fails.")

_Adjusted = Mapping[str, Mapping[str, float]]
"""Adjusted p-values by field of the operating point and label."""


def _min_recall(point: OperatingPoint, limit: float, adjusted: _Adjusted) -> _Result:  # noqa: ARG001
    share = point.recall
    text = f"recall is {_share_text(share)}; at least {points(limit)} % is required."
    return _Result(share.low, share.low >= limit, text)


def _max_rate(point: OperatingPoint, limit: float, adjusted: _Adjusted) -> _Result:  # noqa: ARG001
    share = point.false_positive_rate
    measured = f"the false-positive rate is {_share_text(share)}"
    return _Result(
        share.high, share.high <= limit, f"{measured}; up to {points(limit)} % is allowed."
    )


def _max_recall_drop(point: OperatingPoint, limit: float, adjusted: _Adjusted) -> _Result:
    change = point.recall_change
    if change is None:
        return _NOT_MEASURED
    p = adjusted["recall_change"][point.label]
    return _loss("recall", change, -change.estimate + 0.0, limit, p)


def _max_rise(point: OperatingPoint, limit: float, adjusted: _Adjusted) -> _Result:
    change = point.false_positive_rate_change
    if change is None:
        return _NOT_MEASURED
    p = adjusted["false_positive_rate_change"][point.label]
    return _loss("the false-positive rate", change, change.estimate, limit, p)


_CHECKS = {
    "min_recall": _min_recall,
    "max_false_positive_rate": _max_rate,
    "max_recall_drop": _max_recall_drop,
    "max_false_positive_rise": _max_rise,
}


def _loss(what: str, change: ShareChange, loss: float, limit: float, p: float) -> _Result:
    """Refuse a loss that is larger than its bound and significant."""
    passed = loss <= limit or p >= SIGNIFICANCE_LEVEL
    text = (
        f"{what} differs from the teacher's by {points(change.estimate)} points (95 % interval"
        f" {points(change.low)} to {points(change.high)}, adjusted p = {p:.2g})"
    )
    if loss <= limit:
        return _Result(loss, passed, f"{text}, within the allowed {points(limit)}.")
    verdict = "but not significantly" if passed else "significantly"
    return _Result(loss, passed, f"{text}, {verdict} more than the allowed {points(limit)}.")


def _check(name: str, limit: float, result: _Result, point: OperatingPoint | None) -> Check:
    subject = "The operating point"
    if point is not None:
        subject = (
            f"At threshold {point.threshold:.3g} of {point.label} ({point.condition} on validation)"
        )
    return Check(
        name=name,
        value=result.value,
        bound=limit,
        passed=result.passed,
        sentence=f"{subject}: {result.text}",
    )


def _adjusted(measured: Sequence[OperatingPoint], field: str) -> dict[str, float]:
    """Return the p-values of all operating points after Holm's correction, by label."""
    changes = {point.label: getattr(point, field) for point in measured}
    p_values = {label: change.p for label, change in changes.items() if change is not None}
    return dict(zip(p_values, holm(list(p_values.values())), strict=True))


def _share_text(share: ExactShare) -> str:
    return (
        f"{points(share.estimate)} % (95 % exact interval {points(share.low)} to"
        f" {points(share.high)}, n = {share.n})"
    )
