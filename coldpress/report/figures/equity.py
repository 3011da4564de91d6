"""Figure of the loss by class and slice, with intervals and detectable drops."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coldpress.evaluation.scorecard.scorecard import Evaluation, Group
from coldpress.evaluation.statistics.paired import SIGNIFICANCE_LEVEL
from coldpress.kinds import task_kind
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

LEFT = 0.365
RIGHT = 0.715
"""Left and right end of the intervals; names and numbers are on both sides."""

KIND_X = 0.02
NAME_X = 0.078
ROWS_X = 0.35
END_X = 0.98
NUMBER_X = {"teacher": 0.77, "final": 0.825, "difference": 0.895, "detectable": END_X}


_IN_ROW: dict[str, Any] = {"xycoords": ("figure fraction", "data")}
_LINE = {"arrowstyle": "-", "color": RULE, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0}


def draw_equity(evaluation: Evaluation, path: Path) -> None:
    """Draw the difference of every group with its 95 % interval, the worst first.

    The same evaluation gives the same bytes.

    Args:
        evaluation: Evaluation of a run.
        path: Target; its suffix is replaced by `.png` and `.svg`.
    """
    with figure_style():
        save_figure(_draw_figure(evaluation), path)


def worst_first(groups: Sequence[Group]) -> list[Group]:
    """Sort groups: significant losses first, then the others, each by the largest drop."""
    return sorted(groups, key=lambda g: (not is_lost(g), g.difference.estimate, -g.n, g.name))


def is_lost(group: Group) -> bool:
    """Whether a group has a significant loss after correction for the number of groups."""
    return group.p_adjusted < SIGNIFICANCE_LEVEL


def _draw_figure(evaluation: Evaluation) -> Figure:
    groups = worst_first(evaluation.equity)
    drawn_groups = groups[:MAX_GROUPS]
    omitted = len(groups) - MAX_GROUPS
    height = 1.55 + ROW_HEIGHT * max(1, len(drawn_groups))
    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    axes = figure.add_axes((LEFT, 0.5 / height, RIGHT - LEFT, 1 - 1.55 / height))
    _style_axes(axes, drawn_groups)
    for row, group in enumerate(drawn_groups):
        _draw_group(axes, row, group)
    _draw_header(axes, evaluation)
    _draw_footer(axes, f"and {omitted} more groups with smaller losses" if omitted > 0 else "")
    return figure


def _style_axes(axes: Axes, groups: Sequence[Group]) -> None:
    """Draw lines between the rows, a line at zero, and a scale in points."""
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
    """Draw one row: name, interval, numbers."""
    is_loss = is_lost(group)
    difference = group.difference
    colour = LOSS_COLOUR if is_loss else STAGE
    axes.plot(
        (100 * difference.low, 100 * difference.high), (row, row), color=colour, linewidth=2.2
    )
    face = colour if group.detectable_drop is not None else "white"
    edge = "white" if face == colour else colour
    at = 100 * difference.estimate
    axes.plot(at, row, "o", markersize=7, markerfacecolor=face, markeredgecolor=edge)
    weight: dict[str, Any] = (
        {"fontweight": "bold", "color": LOSS_COLOUR} if is_loss else {"color": INK}
    )
    _write_cell(axes, row, KIND_X, group.kind, **REMARK)
    _write_cell(axes, row, NAME_X, _shorten(group.name.removeprefix("label ")), **weight)
    _write_cell(axes, row, ROWS_X, str(group.n), ha="right", **REMARK)
    numbers = {
        "teacher": f"{100 * group.before:.1f}",
        "final": f"{100 * group.after:.1f}",
        "difference": _signed(100 * difference.estimate, 1),
        "detectable": "" if group.detectable_drop is None else f"{100 * group.detectable_drop:.1f}",
    }
    for column, number in numbers.items():
        look = weight if column == "difference" else REMARK
        _write_cell(axes, row, NUMBER_X[column], number, ha="right", **look)


def _write_cell(axes: Axes, row: float, at: float, text: str, **look: Any) -> None:  # noqa: ANN401
    """Write text on a row; a dollar sign in a label does not start a formula."""
    axes.annotate(text, (at, row), parse_math=False, va="center_baseline", **_IN_ROW, **look)


def _draw_header(axes: Axes, evaluation: Evaluation) -> None:
    groups = len(evaluation.equity)
    losses = sum(map(is_lost, evaluation.equity))
    title = task_kind(evaluation.kind).sample_metric.title
    unit = (
        f"{title} of the final model minus the teacher's in {groups} groups of "
        f"{evaluation.n} test texts: percentage points, 95 % interval"
    )
    verdict = f"{losses} of {groups} have a significant loss (Holm, 5 %)"
    looks: tuple[tuple[int, float, str, dict[str, Any]], ...] = (
        (49, KIND_X, "Loss by class and slice", {"fontsize": 12, "fontweight": "bold"}),
        (33, KIND_X, unit, REMARK),
        (49, END_X, verdict, {"color": LOSS_COLOUR if losses else MUTED, "ha": "right"}),
        (9, ROWS_X, "n", {**REMARK, "ha": "right"}),
        *((9, at, column, {**REMARK, "ha": "right"}) for column, at in NUMBER_X.items()),
    )
    for up, at, text, look in looks:
        place: dict[str, Any] = {"xycoords": ("figure fraction", "axes fraction")}
        axes.annotate(text, (at, 1), (0, up), textcoords="offset points", **place, **look)


def _draw_footer(axes: Axes, more: str) -> None:
    note = "detectable: the smallest drop that the rows can show; hollow dot: no drop is detectable"
    place: dict[str, Any] = {"xycoords": ("figure fraction", "axes fraction"), **REMARK}
    axes.annotate(note, (END_X, 0), (0, -29), ha="right", textcoords="offset points", **place)
    axes.annotate(more, (NAME_X, 0), (0, -29), textcoords="offset points", **place)


def _shorten(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= MAX_NAME_LENGTH else name[: MAX_NAME_LENGTH - 1] + "\u2026"


def _signed(value: float, digits: int) -> str:
    """Format a difference with its sign; zero has none."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return f"\u2212{text}" if value < 0 else f"+{text}"
