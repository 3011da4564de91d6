"""Who pays for the compression: the groups of test rows, those that lost most on top."""

from __future__ import annotations

from dataclasses import dataclass, replace

from coldpress.evaluation.scorecard.scorecard import Group, GroupKind
from coldpress.report import formats, sentences
from coldpress.report.marks import Mark, interval_mark
from coldpress.report.scale import Scale

MAX_DRAWN = 24
"""Groups in the figure; the table has all of them."""

KINDS: dict[GroupKind, str] = {
    "class": "class",
    "column": "slice, by column",
    "length": "slice, by length",
    "pattern": "slice, by pattern",
    "found": "slice, found on validation",
}


@dataclass(frozen=True)
class EquityFigure:
    """Groups, the worst first.

    Attributes:
        groups: All of them.
        marks: The first ones, drawn.
        zero: Where no change is, as a fraction of the figure's width.
        sentence: What all of them together say.
    """

    groups: tuple[Group, ...]
    marks: tuple[Mark, ...]
    zero: float
    sentence: str


def equity_figure(groups: tuple[Group, ...]) -> EquityFigure | None:
    """Lay groups out by what compression took from them.

    Args:
        groups: Of the final model against the teacher.

    Returns:
        None where no group was looked at.
    """
    if not groups:
        return None
    ordered = tuple(sorted(groups, key=_sort_key))
    shown = ordered[:MAX_DRAWN]
    bounds = [n for g in shown for n in (g.difference.low, g.difference.high)]
    scale = Scale.around([0.0, *bounds])
    marks = tuple(_mark(one, scale) for one in shown)
    return EquityFigure(ordered, marks, scale.place(0.0), _sentence(ordered))


def _sort_key(one: Group) -> tuple[bool, float, int, str]:
    """Those that are shown to have lost first, then by what they lost."""
    return (not sentences.lost(one), one.difference.estimate, -one.n, one.name)


def _mark(one: Group, scale: Scale) -> Mark:
    difference = one.difference
    value, remark = formats.points(difference.estimate), formats.points_range(difference)
    drawn = interval_mark(
        one.name.removeprefix("label "), difference, scale, value, f"{remark}, n = {one.n}"
    )
    return replace(drawn, strong=sentences.lost(one))


def _sentence(ordered: tuple[Group, ...]) -> str:
    losers = [one.name for one in ordered if sentences.lost(one)]
    looked = f"{len(ordered)} groups" if len(ordered) > 1 else "1 group"
    if losers:
        return f"Of {looked} looked at, a loss is shown for {', '.join(losers)}."
    return f"Of {looked} looked at, none is shown to have lost, after Holm's correction."
