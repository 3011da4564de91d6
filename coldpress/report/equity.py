"""Loss by class and slice, with the largest losses on top."""

from __future__ import annotations

from dataclasses import dataclass, replace

from coldpress.evaluation.scorecard.scorecard import Group, GroupKind
from coldpress.report import formats, sentences
from coldpress.report.marks import Mark, interval_mark
from coldpress.report.scale import Scale

MAX_DRAWN = 24
"""Largest number of groups in the figure; the table lists all."""

KINDS: dict[GroupKind, str] = {
    "class": "class",
    "target": "range of the target",
    "column": "slice, by column",
    "length": "slice, by length",
    "pattern": "slice, by pattern",
    "found": "slice, found on validation",
}


@dataclass(frozen=True)
class EquityFigure:
    """Groups by loss, the largest first.

    Attributes:
        groups: All groups.
        marks: Rows of the figure, for the first groups.
        zero: Position of zero change, as a fraction of the figure's width.
        sentence: Summary.
    """

    groups: tuple[Group, ...]
    marks: tuple[Mark, ...]
    zero: float
    sentence: str


def equity_figure(groups: tuple[Group, ...]) -> EquityFigure | None:
    """Lay out the comparison by group.

    Args:
        groups: The final model against the teacher.

    Returns:
        The figure; None if there are no groups.
    """
    if not groups:
        return None
    ordered = tuple(sorted(groups, key=_sort_key))
    drawn_groups = ordered[:MAX_DRAWN]
    bounds = [n for g in drawn_groups for n in (g.difference.low, g.difference.high)]
    scale = Scale.around([0.0, *bounds])
    marks = tuple(_mark(group, scale) for group in drawn_groups)
    return EquityFigure(ordered, marks, scale.place(0.0), _sentence(ordered))


def _sort_key(group: Group) -> tuple[bool, float, int, str]:
    """Sort groups with a significant loss first, then by loss."""
    return (not sentences.is_lost(group), group.difference.estimate, -group.n, group.name)


def _mark(group: Group, scale: Scale) -> Mark:
    difference = group.difference
    value = formats.signed_points(difference.estimate)
    remark = formats.signed_points_range(difference)
    mark = interval_mark(
        group.name.removeprefix("label "), difference, scale, value, f"{remark}, n = {group.n}"
    )
    return replace(mark, strong=sentences.is_lost(group))


def _sentence(ordered: tuple[Group, ...]) -> str:
    names = [group.name for group in ordered if sentences.is_lost(group)]
    tested = f"{len(ordered)} groups" if len(ordered) > 1 else "1 group"
    if names:
        return f"Of {tested}, a significant loss is found in {', '.join(names)}."
    return f"Of {tested}, none has a significant loss after Holm's correction."
