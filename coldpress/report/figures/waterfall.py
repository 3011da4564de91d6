"""Waterfall of the stages as a figure: score, size and latency of every model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coldpress.evaluation.scorecard.scorecard import Evaluation, Scorecard
from coldpress.evaluation.statistics.score_interval import card_interval
from coldpress.evaluation.wording import describe_untimed
from coldpress.kinds import task_kind

INK = "#22282f"
MUTED = "#8a939c"
RULE = "#e3e7ea"
STAGE = "#a9b8c6"
FINAL = "#1f6f54"
DRAWN_SHARE = 0.55
"""Share of a panel for the drawing; the rest is for numbers."""

CardValue = Callable[[Scorecard], float | None]
CardText = Callable[[Scorecard], str]
REMARK: dict[str, Any] = {"color": MUTED, "fontsize": 8.5}
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    # Without a salt, the ids inside an SVG differ from run to run.
    "svg.hashsalt": "coldpress",
}


def draw_waterfall(evaluation: Evaluation, path: Path) -> None:
    """Draw the score with its 95 % interval, size and latency of every model.

    The same evaluation gives the same bytes.

    Args:
        evaluation: Evaluation of a run.
        path: Target; its suffix is replaced by `.png` and `.svg`.
    """
    with figure_style():
        save_figure(_draw_figure(evaluation), path)


@contextmanager
def figure_style() -> Iterator[None]:
    """Set the style of all figures; glyphs missing from the font give no warning."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def save_figure(figure: Figure, path: Path) -> None:
    """Save a figure as PNG and SVG without a date: equal figures give equal bytes.

    Args:
        figure: The figure, within `figure_style`.
        path: Target; its suffix is replaced by `.png` and `.svg`.
    """
    figure.savefig(path.with_suffix(".png"), dpi=160, metadata={"Software": None})
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": None})


def _draw_figure(evaluation: Evaluation) -> Figure:
    cards = evaluation.models
    figure = Figure(figsize=(11.5, 1.1 + 0.44 * len(cards)), facecolor="white")
    panels = figure.subplots(1, 3, sharey=True)
    top = 1 - 0.85 / figure.get_figheight()
    figure.subplots_adjust(left=0.085, right=0.985, wspace=0.07, bottom=0.04, top=top)
    for axes in panels:
        _style_axes(axes, len(cards))
    _name_rows(panels[0], list(cards))
    _draw_score(panels[0], evaluation)
    _draw_bars(panels[1], cards, _megabytes, _smaller)
    _draw_bars(panels[2], cards, _milliseconds, _faster)
    heading = task_kind(evaluation.kind).metrics[0].heading
    _draw_header(panels[0], heading, f"percent, 95 % interval, {evaluation.n} test texts")
    _draw_header(panels[1], "Size", "megabytes, weights and tokenizer")
    _draw_header(panels[2], "Latency", _conditions(cards))
    return figure


def _style_axes(axes: Axes, rows: int) -> None:
    """Draw only lines between the rows, with the first row on top."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelbottom=False, pad=10)
    axes.set_ylim(rows - 0.4, -0.6)
    for row in range(rows - 1):
        axes.axhline(row + 0.5, color=RULE, linewidth=0.8, zorder=0)


def _name_rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.get_yticklabels()[-1].set(color=FINAL, fontweight="bold")


def _draw_header(axes: Axes, title: str, unit: str) -> None:
    looks: tuple[tuple[int, str, dict[str, Any]], ...] = (
        (27, title, {"fontsize": 12, "fontweight": "bold"}),
        (11, unit, REMARK),
    )
    for height, text, look in looks:
        axes.annotate(
            text, (0, 1), (0, height), "axes fraction", textcoords="offset points", **look
        )


def _draw_score(axes: Axes, evaluation: Evaluation) -> None:
    """Draw intervals on the left of the panel and their numbers on the right."""
    cards = list(evaluation.models.values())
    intervals = [card_interval(card, evaluation.n) for card in cards]
    lowest = min(i.low for i in intervals)
    highest = max(i.high for i in intervals)
    margin = 0.03 * (highest - lowest)
    axes.set_xlim(lowest - margin, lowest + (highest - lowest) / DRAWN_SHARE)
    axes.axvline(intervals[0].estimate, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)), zorder=0)
    for row, interval in enumerate(intervals):
        colour = _colour(row, len(cards))
        axes.plot((interval.low, interval.high), (row, row), color=colour, linewidth=2.2)
        axes.plot(interval.estimate, row, "o", color=colour, markersize=7, markeredgecolor="white")
        range_ = f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
        _label(axes, row, f"{100 * interval.estimate:.1f}", range_)


def _draw_bars(
    axes: Axes, cards: Mapping[str, Scorecard], length: CardValue, gain: CardText
) -> None:
    """Draw bars from zero on the left of the panel and their numbers on the right."""
    lengths = [length(card) for card in cards.values()]
    axes.set_xlim(0, max((n for n in lengths if n is not None), default=1.0) / DRAWN_SHARE)
    for row, (card, value) in enumerate(zip(cards.values(), lengths, strict=True)):
        if value is None:
            axes.annotate(describe_untimed(card), (0, row), va="center_baseline", **REMARK)
            continue
        axes.barh(row, value, height=0.5, color=_colour(row, len(cards)))
        _label(axes, row, _short(value), gain(card) if row else "")


def _label(axes: Axes, row: int, value: str, remark: str) -> None:
    place: dict[str, Any] = {
        "xy": (DRAWN_SHARE, row),
        "xycoords": ("axes fraction", "data"),
        "textcoords": "offset points",
        "va": "center_baseline",
    }
    axes.annotate(value, xytext=(40, 0), ha="right", **place)
    axes.annotate(remark, xytext=(47, 0), **place, **REMARK)


def _colour(row: int, rows: int) -> str:
    return FINAL if row == rows - 1 else STAGE


def _megabytes(card: Scorecard) -> float | None:
    return None if card.bytes is None else card.bytes / 1e6


def _milliseconds(card: Scorecard) -> float | None:
    return None if card.latency_ms is None else card.latency_ms.p50


def _smaller(card: Scorecard) -> str:
    return "" if card.compression is None else _times(card.compression, "smaller", "larger")


def _faster(card: Scorecard) -> str:
    if card.speedup is None:
        return "" if card.speedup_undetermined is None else "speed-up not determined"
    return _times(card.speedup, "faster", "slower")


def _times(ratio: float, better: str, worse: str) -> str:
    return f"{ratio:.1f}x {better}" if ratio >= 1 else f"{1 / ratio:.1f}x {worse}"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _conditions(cards: Mapping[str, Scorecard]) -> str:
    timed = [card for card in cards.values() if card.batch is not None]
    if not timed:
        return "milliseconds"
    threads = f"{timed[0].threads} thread" + ("" if timed[0].threads == 1 else "s")
    return f"milliseconds, median, batch {timed[0].batch}, {threads}"
