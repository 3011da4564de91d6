"""Check the worst class or slice: refused only if its loss is large and significant.

With 77 classes of 40 rows, the worst class of a lossless model loses more than a tenth by chance
alone. A drop therefore counts only if it is significant in a one-sided test of its group (for
classification the exact McNemar test), adjusted by Holm's procedure for the number of groups.
"""

from __future__ import annotations

from collections.abc import Sequence

from coldpress.evaluation.scorecard.scorecard import Group
from coldpress.evaluation.statistics.paired import SIGNIFICANCE_LEVEL
from coldpress.evaluation.wording import points, snap_to_count
from coldpress.gate.verdict import Check


def check_groups(equity: Sequence[Group], bound: float, metric: str) -> Check:
    """Check the drop of every class and slice against a bound.

    Args:
        equity: The final model against the teacher by group; at least one group.
        bound: Largest allowed drop of the mean sample score, such as the accuracy.
        metric: Title of the sample score.

    Returns:
        Failed if a group lost significantly more than the bound. It reports the worst such group,
        otherwise the worst of all groups.
    """
    losers = [
        group
        for group in equity
        if accuracy_drop(group) > bound and group.p_adjusted < SIGNIFICANCE_LEVEL
    ]
    worst = max(losers or equity, key=accuracy_drop)
    sentence = (
        _refusal_text(worst, bound, len(losers)) if losers else _pass_text(worst, bound, metric)
    )
    return Check(
        name="max_class_drop",
        value=accuracy_drop(worst),
        bound=bound,
        passed=not losers,
        sentence=sentence,
    )


def accuracy_drop(group: Group) -> float:
    """Return the accuracy that a group lost, as a fraction of its rows."""
    return -snap_to_count(group.difference.estimate, group.n) + 0.0


def _refusal_text(worst: Group, bound: float, losers: int) -> str:
    among = "" if losers == 1 else f", the worst of {losers} such groups"
    return (
        f"{_drop_text(worst)}, significantly more than the allowed {points(bound)}{among}; "
        f"{_detectable_text(worst)}."
    )


def _pass_text(worst: Group, bound: float, metric: str) -> str:
    if accuracy_drop(worst) <= 0:
        return f"No class or slice lost {metric}."
    if accuracy_drop(worst) <= bound:
        return f"{_drop_text(worst)}, the largest drop and within the allowed {points(bound)}."
    return (
        f"{_drop_text(worst)}, more than the allowed {points(bound)}, but not significant among "
        f"so many groups; {_detectable_text(worst)}."
    )


def _drop_text(group: Group) -> str:
    size = f"n = {group.n}, adjusted p = {group.p_adjusted:.2g}"
    return f"{group.name} lost {points(accuracy_drop(group))} points ({size})"


def _detectable_text(group: Group) -> str:
    if group.detectable_drop is None:
        return "with so few rows no drop is detectable"
    return f"its smallest detectable drop is {points(group.detectable_drop)} points"
