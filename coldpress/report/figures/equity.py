"""Who pays for the compression: a picture of every group's loss and of what chance could do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coldpress.evaluation.scorecard.scorecard import Evaluation, Group
from coldpress.evaluation.statistics.paired import SIGNIFICANCE_LEVEL
from coldpress.report.figures.waterfall import (
    INK,
    MUTED,
    REMARK,
    RULE,
    STAGE,
    figure_style,
    save_figure,
)

LOSS_COLOUR = "#b0482f"
MAX_GROUPS = 20
MAX_NAME_LENGTH = 34
WIDTH = 11.5
ROW_HEIGHT = 0.3
"""Inches."""

LEFT, RIGHT = 0.365, 0.715
"""Where the intervals begin and end; on both sides are words and numbers."""

KIND_X, NAME_X, ROWS_X, END_X = 0.02, 0.078, 0.35, 0.98
NUMBER_X = {"teacher": 0.77, "final": 0.825, "difference": 0.895, "detectable": END_X}


_IN_ROW: dict[str, Any] = {"xycoords": ("figure fraction", "data")}
_LINE = {"arrowstyle": "-", "color": RULE, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0}


def draw_equity(evaluation: Evaluation, path: Path) -> None:
    """Draw the difference of every group with its 95 % interval, the worst first.

    The same evaluation gives the same bytes.

    Args:
        evaluation: What `judge` found.
        path: Where to; `.png` and `.svg` are put in place of its suffix.
    """
    with figure_style():
        save_figure(_draw_figure(evaluation), path)


def worst_first(groups: Sequence[Group]) -> list[Group]:
    """Order groups by what they lost.

    Args:
        groups: As evaluation judged them.

    Returns:
        Those that lost more than chance explains, then the others; the largest drop first.
    """
    return sorted(groups, key=lambda g: (not is_lost(g), g.difference.estimate, -g.n, g.name))


def is_lost(group: Group) -> bool:
    """Whether a group's loss is more than chance explains among so many groups."""
    return group.p_adjusted < SIGNIFICANCE_LEVEL


def _draw_figure(evaluation: Evaluation) -> Figure:
    groups = worst_first(evaluation.equity)
    shown, more = groups[:MAX_GROUPS], len(groups) - MAX_GROUPS
    height = 1.55 + ROW_HEIGHT * max(1, len(shown))
    drawn = Figure(figsize=(WIDTH, height), facecolor="white")
    axes = drawn.add_axes((LEFT, 0.5 / height, RIGHT - LEFT, 1 - 1.55 / height))
    _style_axes(axes, shown)
    for row, group in enumerate(shown):
        _draw_group(axes, row, group)
    _draw_header(axes, evaluation)
    _draw_footer(axes, f"and {more} more groups that lost less" if more > 0 else "")
    return drawn


def _style_axes(axes: Axes, groups: Sequence[Group]) -> None:
    """Leave lines between the rows, zero, and a scale of points."""
    lowest = min((g.difference.low for g in groups), default=-0.01) * 100
    highest = max((g.difference.high for g in groups), default=0.01) * 100
    margin = max(0.5, 0.04 * (highest - lowest))
    axes.set_xlim(min(lowest, 0) - margin, max(highest, 0) + margin)
    axes.set_ylim(max(1, len(groups)) - 0.5, -0.5)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelleft=False, labelcolor=MUTED, labelsize=8.5)
    axes.locator_params(axis="x", nbins=6, integer=True)
    axes.xaxis.set_major_formatter(lambda value, _: f"{_signed(value, 0)}")
    axes.set_yticks([])
    for row in range(1, len(groups)):
        axes.annotate("", (KIND_X, row - 0.5), (END_X, row - 0.5), arrowprops=_LINE, **_IN_ROW)
    axes.axvline(0, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)), zorder=0)


def _draw_group(axes: Axes, row: int, group: Group) -> None:
    """Draw one line: what it is, its interval, its numbers."""
    lost, between = is_lost(group), group.difference
    colour = LOSS_COLOUR if lost else STAGE
    axes.plot((100 * between.low, 100 * between.high), (row, row), color=colour, linewidth=2.2)
    face = colour if group.detectable_drop is not None else "white"
    edge = "white" if face == colour else colour
    at = 100 * between.estimate
    axes.plot(at, row, "o", markersize=7, markerfacecolor=face, markeredgecolor=edge)
    weight: dict[str, Any] = (
        {"fontweight": "bold", "color": LOSS_COLOUR} if lost else {"color": INK}
    )
    _write_cell(axes, row, KIND_X, group.kind, **REMARK)
    _write_cell(axes, row, NAME_X, _shorten(group.name.removeprefix("label ")), **weight)
    _write_cell(axes, row, ROWS_X, str(group.n), ha="right", **REMARK)
    numbers = {
        "teacher": f"{100 * group.before:.1f}",
        "final": f"{100 * group.after:.1f}",
        "difference": _signed(100 * between.estimate, 1),
        "detectable": "" if group.detectable_drop is None else f"{100 * group.detectable_drop:.1f}",
    }
    for column, number in numbers.items():
        look = weight if column == "difference" else REMARK
        _write_cell(axes, row, NUMBER_X[column], number, ha="right", **look)


def _write_cell(axes: Axes, row: float, at: float, text: str, **look: Any) -> None:  # noqa: ANN401
    """Put text on a row; labels are data, so that a dollar sign is no formula."""
    axes.annotate(text, (at, row), parse_math=False, va="center_baseline", **_IN_ROW, **look)


def _draw_header(axes: Axes, evaluation: Evaluation) -> None:
    groups, lost = len(evaluation.equity), sum(map(is_lost, evaluation.equity))
    unit = (
        f"accuracy of the final model minus the teacher's in {groups} groups of "
        f"{evaluation.n} test texts: percentage points, 95 % interval"
    )
    verdict = f"{lost} of {groups} lost more than chance explains (Holm, 5 %)"
    looks: tuple[tuple[int, float, str, dict[str, Any]], ...] = (
        (49, KIND_X, "Who pays for the compression", {"fontsize": 12, "fontweight": "bold"}),
        (33, KIND_X, unit, REMARK),
        (49, END_X, verdict, {"color": LOSS_COLOUR if lost else MUTED, "ha": "right"}),
        (9, ROWS_X, "n", {**REMARK, "ha": "right"}),
        *((9, at, column, {**REMARK, "ha": "right"}) for column, at in NUMBER_X.items()),
    )
    for up, at, text, look in looks:
        place: dict[str, Any] = {"xycoords": ("figure fraction", "axes fraction")}
        axes.annotate(text, (at, 1), (0, up), textcoords="offset points", **place, **look)


def _draw_footer(axes: Axes, more: str) -> None:
    note = (
        "detectable: the smallest drop that so many rows can show; hollow where they can show none"
    )
    place: dict[str, Any] = {"xycoords": ("figure fraction", "axes fraction"), **REMARK}
    axes.annotate(note, (END_X, 0), (0, -29), ha="right", textcoords="offset points", **place)
    axes.annotate(more, (NAME_X, 0), (0, -29), textcoords="offset points", **place)


def _shorten(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= MAX_NAME_LENGTH else name[: MAX_NAME_LENGTH - 1] + "\u2026"


def _signed(value: float, digits: int) -> str:
    """Write a difference with its sign; nothing is neither more nor less."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return f"\u2212{text}" if value < 0 else f"+{text}"
