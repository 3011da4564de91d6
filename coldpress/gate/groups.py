"""Who pays: the worst class or slice, refused only where more than chance took its rows.

With 77 classes of 40 rows, the worst class of a healthy model loses more than a tenth by chance
alone. A drop therefore counts only where an exact test finds it too, corrected after Holm for the
number of groups looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

from coldpress.evaluation.scorecard.scorecard import Group
from coldpress.evaluation.wording import SIGNIFICANCE_LEVEL, points, snap_to_count
from coldpress.gate.verdict import Check


def check_groups(equity: Sequence[Group], bound: float) -> Check:
    """Hold every class and slice to a largest drop.

    Args:
        equity: The final model against the teacher, group by group; at least one.
        bound: Largest drop, a fraction of the group's rows.

    Returns:
        Refused if any group lost more and the loss is no chance; then of the worst such group,
        otherwise of the worst of all.
    """
    refused = [g for g in equity if accuracy_drop(g) > bound and g.p_adjusted < SIGNIFICANCE_LEVEL]
    worst = max(refused or equity, key=accuracy_drop)
    sentence = _refusal_text(worst, bound, len(refused)) if refused else _pass_text(worst, bound)
    return Check(
        name="max_class_drop",
        value=accuracy_drop(worst),
        bound=bound,
        passed=not refused,
        sentence=sentence,
    )


def accuracy_drop(group: Group) -> float:
    """Return the accuracy that a group lost, as a fraction of its rows."""
    return -snap_to_count(group.difference.estimate, group.n) + 0.0


def _refusal_text(worst: Group, bound: float, refused: int) -> str:
    among = "" if refused == 1 else f", the worst of {refused} groups that did"
    return (
        f"{_drop_text(worst)}, more than the {points(bound)} allowed and more than chance takes"
        f"{among}; {_detectable_text(worst)}."
    )


def _pass_text(worst: Group, bound: float) -> str:
    if accuracy_drop(worst) <= 0:
        return "No class or slice lost accuracy."
    if accuracy_drop(worst) <= bound:
        return f"{_drop_text(worst)}, the worst of all and within the {points(bound)} allowed."
    return (
        f"{_drop_text(worst)}, more than the {points(bound)} allowed but no more than chance takes "
        f"from one of so many groups; {_detectable_text(worst)}."
    )


def _drop_text(group: Group) -> str:
    size = f"n = {group.n}, adjusted p = {group.p_adjusted:.2g}"
    return f"{group.name} lost {points(accuracy_drop(group))} points ({size})"


def _detectable_text(group: Group) -> str:
    if group.detectable_drop is None:
        return "no drop could have been shown with so few rows"
    return f"its rows could have shown a drop of {points(group.detectable_drop)} points"
