"""The figure of a claim: its curves with their range, one panel per dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claim import Claim, Paper, Result
from coldpress.report.figures.waterfall import FINAL, INK, MUTED, RULE, STAGE, figure_style

COLOURS = (FINAL, STAGE, "#c0603a", "#5b6fb5", INK, "#b59a3c")


def draw(claim: Claim, docs: Path) -> Path | None:
    """Draw a record's curves as `figures/<name>.svg`; equal records give equal bytes.

    Args:
        claim: The record.
        docs: The folder of the documentation.

    Returns:
        The file, or None if there is no curve.
    """
    if not any(result.curves for result in claim.results):
        return None
    target = docs / "figures" / f"{claim.paper.name}.svg"
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}")
    with figure_style():
        _panels(claim).savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
    temporary.replace(target)
    return target


def _panels(claim: Claim) -> Figure:
    chart = Figure(figsize=(6.4 * len(claim.results), 4.4), facecolor="white", layout="tight")
    panels = chart.subplots(1, len(claim.results), squeeze=False)[0]
    for axes, result in zip(panels, claim.results, strict=True):
        _panel(axes, result, claim.paper)
        axes.set_xlabel(claim.paper.axis)
    panels[0].set_ylabel(f"{claim.paper.score} on test rows, %")
    return chart


def _panel(axes: Axes, result: Result, paper: Paper) -> None:
    """Draw means as lines, and the seeds' range as a shaded area."""
    for colour, (name, curve) in zip(COLOURS, result.curves.items(), strict=False):
        across = [paper.axis_value(x) for x in curve.across]
        seeds = 100 * np.asarray(curve.seeds)
        # A line between only two points would suggest values in between.
        line = "o-" if len(curve.across) > 2 else "o"
        axes.plot(across, seeds.mean(0), line, color=colour, markersize=4, label=name)
        if len(curve.across) > 2:
            axes.fill_between(
                across, seeds.min(0), seeds.max(0), color=colour, alpha=0.15, linewidth=0
            )
    axes.set_title(f"{result.data.name}, {result.data.test} test rows", fontsize=10, color=MUTED)
    axes.grid(color=RULE, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8.5)
