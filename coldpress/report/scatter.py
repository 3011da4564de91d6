"""Trade-offs: accuracy against what it costs, one dot a model, with names that do not collide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from coldpress.evaluation.scorecard.scorecard import Scorecard
from coldpress.report import formats
from coldpress.report.findings import Findings
from coldpress.report.scale import Scale

WIDTH, HEIGHT = 380.0, 270.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 12.0, 10.0, 42.0
_LETTER_WIDTH, _LINE_HEIGHT = 6.4, 13.0
"""Room that a letter and a line of a name take, in units of the figure."""

CostFunction = Callable[[Scorecard], float | None]


@dataclass(frozen=True)
class Tick:
    """A round number beside an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Dot:
    """One model; all places in units of the figure.

    Attributes:
        name: Of the model.
        x: Its cost.
        y: Its accuracy.
        low: Lower end of the interval; further down, so a larger number.
        high: Upper end.
        label_x: Where its name begins.
        label_y: The line that its name stands on.
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
    """Accuracy against one cost."""

    title: str
    unit: str
    dots: tuple[Dot, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def trade_offs(findings: Findings) -> tuple[Scatter, ...]:
    """Draw accuracy against latency and against size.

    Args:
        findings: The version.

    Returns:
        One figure for each cost that two models have.
    """
    costs: tuple[tuple[str, str, CostFunction], ...] = (
        ("Accuracy and latency", "milliseconds, median", _milliseconds),
        ("Accuracy and size", "megabytes", _megabytes),
    )
    drawn = (_scatter(findings, *each) for each in costs)
    return tuple(one for one in drawn if len(one.dots) > 1)


def _milliseconds(card: Scorecard) -> float | None:
    return None if card.latency_ms is None else card.latency_ms.p50


def _megabytes(card: Scorecard) -> float | None:
    return card.bytes / 1e6


def _scatter(findings: Findings, title: str, unit: str, cost: CostFunction) -> Scatter:
    paid = {name: cost(card) for name, card in findings.evaluation.models.items()}
    costs = {name: value for name, value in paid.items() if value}
    if not costs:
        return Scatter(title, unit, (), (), ())
    intervals = {name: findings.accuracy(name) for name in costs}
    across = Scale.around(costs.values(), logarithmic=True)
    up = Scale.around(n for i in intervals.values() for n in (i.low, i.high))
    places = {n: (_x(across, costs[n]), _y(up, intervals[n].estimate)) for n in costs}
    bars = {n: (_y(up, i.high), _y(up, i.low)) for n, i in intervals.items()}
    labels = _place_labels(places, bars)
    dots = (
        Dot(n, *places[n], low, high, *labels[n], n == "onnx") for n, (high, low) in bars.items()
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

_LINE_COST, _DOT_COST, _NAME_COST, _OUTSIDE_COST = 1, 3, 10, 100
"""What it costs a name to cover these: a line can be read through, another name cannot."""


def _place_labels(
    places: dict[str, tuple[float, float]], bars: dict[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Put each name beside its dot, if there is room clear of dots, lines and other names."""
    taken: list[tuple[Box, int]] = []
    for name, (x, y) in places.items():
        high, low = bars[name]
        taken.append(((x - 5, y - 5, x + 5, y + 5), _DOT_COST))
        taken.append(((x - 1, high, x + 1, low), _LINE_COST))
    found: dict[str, tuple[float, float]] = {}
    for name, place in places.items():
        box = min(_label_boxes(name, place, bars[name]), key=lambda box: _cost(box, taken))
        taken.append(((box[0] - 4, box[1], box[2] + 4, box[3]), _NAME_COST))
        found[name] = (round(box[0], 1), round(box[3] - 3, 1))
    return found


def _label_boxes(name: str, place: tuple[float, float], bar: tuple[float, float]) -> Iterator[Box]:
    """Boxes for a name, the best first: beside its dot, a little up or down, at its bar's ends."""
    (x, y), (high, low), wide = place, bar, _LETTER_WIDTH * len(name)
    for shift in (0, -14, 14, -28, 28):
        yield _box(x + 9, y + 4 + shift, wide)
        yield _box(x - 9 - wide, y + 4 + shift, wide)
    yield _box(x - wide / 2, high - 6, wide)
    yield _box(x - wide / 2, low + 13, wide)


def _box(left: float, line: float, wide: float) -> Box:
    return (left, line - _LINE_HEIGHT + 3, left + wide, line + 3)


def _cost(box: Box, taken: Sequence[tuple[Box, int]]) -> int:
    outside = box[0] < LEFT or box[2] > WIDTH or box[1] < 0 or box[3] > HEIGHT - BOTTOM
    return _OUTSIDE_COST * outside + sum(cost for other, cost in taken if _intersect(box, other))


def _intersect(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
