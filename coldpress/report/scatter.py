"""Trade-offs: accuracy against what it costs, one dot a model, with names that do not collide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from coldpress.evaluation.scorecard import Scorecard
from coldpress.report import formats
from coldpress.report.findings import Findings
from coldpress.report.scale import Scale

WIDTH, HEIGHT = 380.0, 270.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 12.0, 10.0, 42.0
_LETTER, _LINE = 6.4, 13.0
"""Room that a letter and a line of a name take, in units of the figure."""

Cost = Callable[[Scorecard], float | None]


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
    costs: tuple[tuple[str, str, Cost], ...] = (
        ("Accuracy and latency", "milliseconds, median", _milliseconds),
        ("Accuracy and size", "megabytes", _megabytes),
    )
    drawn = (_scatter(findings, *each) for each in costs)
    return tuple(one for one in drawn if len(one.dots) > 1)


def _milliseconds(card: Scorecard) -> float | None:
    return None if card.latency_ms is None else card.latency_ms.p50


def _megabytes(card: Scorecard) -> float | None:
    return card.bytes / 1e6


def _scatter(findings: Findings, title: str, unit: str, cost: Cost) -> Scatter:
    paid = {name: cost(card) for name, card in findings.evaluation.models.items()}
    costs = {name: value for name, value in paid.items() if value}
    if not costs:
        return Scatter(title, unit, (), (), ())
    intervals = {name: findings.accuracy(name) for name in costs}
    across = Scale.around(costs.values(), logarithmic=True)
    up = Scale.around(n for i in intervals.values() for n in (i.low, i.high))
    places = {n: (_x(across, costs[n]), _y(up, intervals[n].estimate)) for n in costs}
    bars = {n: (_y(up, i.high), _y(up, i.low)) for n, i in intervals.items()}
    labels = _labels(places, bars)
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


def _labels(
    places: dict[str, tuple[float, float]], bars: dict[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Put each name beside its dot, if there is room clear of dots, lines and other names."""
    taken: list[Box] = [(x - 5, y - 5, x + 5, y + 5) for x, y in places.values()]
    for name, (high, low) in bars.items():
        taken.append((places[name][0] - 1, high, places[name][0] + 1, low))
    found: dict[str, tuple[float, float]] = {}
    for name, (x, y) in places.items():
        wide = _LETTER * len(name)
        high, low = bars[name]
        ends = ((x - wide / 2, high - 6), (x - wide / 2, low + 13))
        choices = [_box(*place, wide) for place in (*_beside(x, y, wide), *ends)]
        box = min(choices, key=lambda box: _crowding(box, taken))
        taken.append(box)
        found[name] = (round(box[0], 1), round(box[3] - 3, 1))
    return found


def _beside(x: float, y: float, wide: float) -> Iterator[tuple[float, float]]:
    """Places for a name, the best first: right and left of its dot, then a little up or down."""
    for shift in (0, -12, 12):
        yield x + 9, y + 4 + shift
        yield x - 9 - wide, y + 4 + shift


def _box(left: float, line: float, wide: float) -> Box:
    return (left, line - _LINE + 3, left + wide, line + 3)


def _crowding(box: Box, taken: Sequence[Box]) -> int:
    """How much a name would cover; leaving the figure is worse than anything else."""
    outside = box[0] < LEFT or box[2] > WIDTH or box[1] < 0 or box[3] > HEIGHT - BOTTOM
    over = (box[0] < t[2] and t[0] < box[2] and box[1] < t[3] and t[1] < box[3] for t in taken)
    return sum(over) + 100 * outside
