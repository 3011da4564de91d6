"""Pareto front of a search as a figure: score against the first cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coldpress.report.figures.waterfall import FINAL, MUTED, RULE, STAGE, figure_style, save_figure
from coldpress.search.budget import Budget
from coldpress.search.front import Candidate

_TITLES = {
    "p50_ms": "median latency of a text, ms",
    "p95_ms": "95th percentile of the latency, ms",
    "bytes": "model and tokenizer, bytes",
}


def draw_front(front: Sequence[Candidate], budget: Budget, path: Path) -> None:
    """Draw the score on validation against the first cost, and the bound of that cost.

    Args:
        front: Sorted by the first cost.
        budget: Models within it are dark.
        path: Target; its suffix is replaced by `.png` and `.svg`.
    """
    with figure_style():
        figure = Figure(figsize=(7, 4.5), facecolor="white", layout="constrained")
        axes = figure.subplots()
        _draw_points(axes, front, budget)
        save_figure(figure, path)


def _draw_points(axes: Axes, front: Sequence[Candidate], budget: Budget) -> None:
    cost = budget.costs[0]
    costs = [candidate.measures.value(cost) for candidate in front]
    scores = [candidate.measures.score for candidate in front]
    colors = [FINAL if budget.is_met(candidate.measures) else STAGE for candidate in front]
    axes.plot(costs, scores, color=RULE, zorder=1)
    axes.scatter(costs, scores, color=colors, zorder=2)
    for candidate, x, y in zip(front, costs, scores, strict=True):
        axes.annotate(f" {candidate.number}", (x, y), color=MUTED, fontsize=8.5)
    axes.axvline(budget.limits[cost], color=MUTED, linestyle="dotted", linewidth=1)
    axes.set_xlabel(_TITLES[cost])
    axes.set_ylabel("score on validation")
    axes.spines[["top", "right"]].set_visible(False)
