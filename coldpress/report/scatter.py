"""Trade-offs: score against latency and size, one labelled dot per model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from coldpress.evaluation.scorecard.scorecard import Scorecard
from coldpress.report import formats
from coldpress.report.findings import Findings
from coldpress.report.scale import Scale

WIDTH = 380.0
HEIGHT = 270.0
LEFT = 40.0
RIGHT = 12.0
TOP = 10.0
BOTTOM = 42.0
_LETTER_WIDTH = 6.4
_LINE_HEIGHT = 13.0
"""Space of a letter and a line of a name, in units of the figure."""

CostFunction = Callable[[Scorecard], float | None]


@dataclass(frozen=True)
class Tick:
    """A tick of an axis with its number."""

    at: float
    text: str


@dataclass(frozen=True)
class Dot:
    """One model; all positions in units of the figure.

    Attributes:
        name: Name of the model.
        x: Position of its cost.
        y: Position of its score.
        low: Lower end of the interval; y points down, so the number is larger.
        high: Upper end of the interval.
        label_x: Left end of its name.
        label_y: Baseline of its name.
        strong: Whether it is the final model.
    """

    name: str
    x: float
    y: float
    low: float
    high: float
    label_x: float
    label_y: float
    strong: bool


@dataclass(frozen=True)
class Scatter:
    """Score against one cost."""

    title: str
    unit: str
    dots: tuple[Dot, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def trade_offs(findings: Findings) -> tuple[Scatter, ...]:
    """Lay out the score against latency and against size.

    Returns:
        One figure for each cost that at least two models have.
    """
    heading = findings.metric.heading
    costs: tuple[tuple[str, str, CostFunction], ...] = (
        (f"{heading} and latency", "milliseconds, median", _milliseconds),
        (f"{heading} and size", "megabytes", _megabytes),
    )
    figures = (_scatter(findings, *cost) for cost in costs)
    return tuple(figure for figure in figures if len(figure.dots) > 1)


def _milliseconds(card: Scorecard) -> float | None:
    return None if card.latency_ms is None else card.latency_ms.p50


def _megabytes(card: Scorecard) -> float | None:
    return None if card.bytes is None else card.bytes / 1e6


def _scatter(findings: Findings, title: str, unit: str, cost: CostFunction) -> Scatter:
    all_costs = {name: cost(card) for name, card in findings.evaluation.models.items()}
    costs = {name: value for name, value in all_costs.items() if value}
    if not costs:
        return Scatter(title, unit, (), (), ())
    intervals = {name: findings.score(name) for name in costs}
    across = Scale.around(costs.values(), logarithmic=True)
    up = Scale.around(n for i in intervals.values() for n in (i.low, i.high))
    places = {n: (_x(across, costs[n]), _y(up, intervals[n].estimate)) for n in costs}
    bars = {n: (_y(up, i.high), _y(up, i.low)) for n, i in intervals.items()}
    labels = _place_labels(places, bars)
    final = findings.final_name
    dots = (
        Dot(n, *places[n], low, high, *labels[n], n == final) for n, (high, low) in bars.items()
    )
    x_ticks = tuple(Tick(_x(across, v), formats.short(v)) for v in across.ticks())
    y_ticks = tuple(Tick(_y(up, v), f"{100 * v:.3g}") for v in up.ticks())
    return Scatter(title, unit, tuple(dots), x_ticks, y_ticks)


def _x(scale: Scale, value: float) -> float:
    return round(LEFT + scale.place(value) * (WIDTH - LEFT - RIGHT), 1)


def _y(scale: Scale, value: float) -> float:
    return round(HEIGHT - BOTTOM - scale.place(value) * (HEIGHT - TOP - BOTTOM), 1)


Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_LINE_COST = 1
_DOT_COST = 3
_NAME_COST = 10
_OUTSIDE_COST = 100
"""Penalties for a name that covers these: a line remains readable, another name does not."""


def _place_labels(
    places: dict[str, tuple[float, float]], bars: dict[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Place each name beside its dot, away from dots, lines and other names if possible."""
    obstacles: list[tuple[Box, int]] = []
    for name, (x, y) in places.items():
        high, low = bars[name]
        obstacles.append(((x - 5, y - 5, x + 5, y + 5), _DOT_COST))
        obstacles.append(((x - 1, high, x + 1, low), _LINE_COST))
    positions: dict[str, tuple[float, float]] = {}
    for name, place in places.items():
        box = min(_label_boxes(name, place, bars[name]), key=lambda box: _cost(box, obstacles))
        obstacles.append(((box[0] - 4, box[1], box[2] + 4, box[3]), _NAME_COST))
        positions[name] = (round(box[0], 1), round(box[3] - 3, 1))
    return positions


def _label_boxes(name: str, place: tuple[float, float], bar: tuple[float, float]) -> Iterator[Box]:
    """Yield boxes for a name, the best first: beside the dot, shifted, at the bar's ends."""
    x, y = place
    high, low = bar
    width = _LETTER_WIDTH * len(name)
    for shift in (0, -14, 14, -28, 28):
        yield _box(x + 9, y + 4 + shift, width)
        yield _box(x - 9 - width, y + 4 + shift, width)
    yield _box(x - width / 2, high - 6, width)
    yield _box(x - width / 2, low + 13, width)


def _box(left: float, line: float, width: float) -> Box:
    return (left, line - _LINE_HEIGHT + 3, left + width, line + 3)


def _cost(box: Box, obstacles: Sequence[tuple[Box, int]]) -> int:
    outside = box[0] < LEFT or box[2] > WIDTH or box[1] < 0 or box[3] > HEIGHT - BOTTOM
    return _OUTSIDE_COST * outside + sum(
        cost for obstacle, cost in obstacles if _intersect(box, obstacle)
    )


def _intersect(first: Box, second: Box) -> bool:
    return (
        first[0] < second[2]
        and second[0] < first[2]
        and first[1] < second[3]
        and second[1] < first[3]
    )
