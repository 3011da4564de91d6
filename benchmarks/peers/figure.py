"""Accuracy against latency, a chart for each dataset."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coldpress.report.figures.waterfall import FINAL, INK, MUTED, RULE, STAGE, figure_style
from coldpress.report.formats import short
from peers import dot_names
from peers.catalogue import COLDPRESS
from peers.dot_names import Name
from peers.record import Comparison, Row, Score, Speed


def draw(comparison: Comparison, docs: Path) -> Path:
    """Draw a record as `figures/peers-<name>.svg`; equal records give equal bytes.

    Args:
        comparison: The record.
        docs: The folder of the documentation.

    Returns:
        The file.
    """
    target = docs / "figures" / f"peers-{comparison.data.name}.svg"
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}")
    with figure_style():
        chart = Figure(figsize=(8.6, 5.6), facecolor="white")
        chart.subplots_adjust(left=0.08, right=0.98, top=0.94, bottom=0.09)
        _draw_axes(chart, chart.subplots(), comparison)
        chart.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
    temporary.replace(target)
    return target


def _draw_axes(chart: Figure, axes: Axes, comparison: Comparison) -> None:
    axes.set_xscale("log")
    names = [
        _draw_model(axes, row, row.speed, row.score)
        for row in comparison.measured
        if row.speed and row.score
    ]
    data = comparison.data
    axes.set_title(
        f"{data.name}: {data.test} test rows, median of {short(data.tokens)} tokens",
        fontsize=10,
        color=MUTED,
    )
    axes.set_xlabel("milliseconds from text to label, one text at a time on one thread (median)")
    axes.set_ylabel("accuracy on test rows, %, with 95 % interval")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.margins(x=0.1)
    axes.grid(color=RULE, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    dot_names.place(chart, axes, names)


def _draw_model(axes: Axes, row: Row, speed: Speed, score: Score) -> Name:
    """Draw a point with the interval of its accuracy, and return its name."""
    own = row.name.startswith(COLDPRESS)
    colour = FINAL if own else STAGE
    accuracy = score.accuracy
    x = speed.text.p50
    y = 100 * accuracy.estimate
    axes.plot([x, x], [100 * accuracy.low, 100 * accuracy.high], color=colour, linewidth=1.2)
    axes.plot([x], [y], "o", color=colour, markersize=7 if own else 5)
    return Name(row.name, x, y, FINAL if own else INK, own)
