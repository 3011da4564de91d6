"""Names beside dots, placed so that they cover neither dots nor one another if possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

_DOT = 5
"""Half the side of the square that a dot occupies, in pixels."""
Offset = tuple[Literal["left", "right"], int]
_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
_OFFSETS: tuple[Offset, ...] = tuple(
    (side, 9 * lines) for lines in (0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6) for side in _SIDES
)
"""Sides of the name that face the dot, and distances from its line in points, the best first."""


@dataclass(frozen=True)
class Name:
    """A name and its dot.

    Attributes:
        text: The name.
        x: Position of the dot.
        y: Position of the dot.
        colour: Of the text.
        strong: Written larger, and placed first.
    """

    text: str
    x: float
    y: float
    colour: str
    strong: bool


def place(figure: Figure, axes: Axes, names: Sequence[Name]) -> None:
    """Write each name beside its dot.

    Args:
        figure: Whose layout does not change any more.
        axes: With all dots drawn, so that its limits do not change either.
        names: One per dot.
    """
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    # Limits are computed when they are asked for; until then, positions are those of empty axes.
    axes.axis()
    dots = [axes.transData.transform((name.x, name.y)) for name in names]
    occupied = [Bbox([[x - _DOT, y - _DOT], [x + _DOT, y + _DOT]]) for x, y in dots]
    for name in sorted(names, key=lambda name: (not name.strong, -name.y, name.x)):
        annotation = axes.annotate(
            name.text,
            (name.x, name.y),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=name.colour,
            fontsize=9 if name.strong else 7.5,
            arrowprops={"arrowstyle": "-", "color": name.colour, "linewidth": 0.4, "shrinkB": 3},
        )
        boxes = [_move(annotation, offset, renderer) for offset in _OFFSETS]
        costs = [_cost(box, axes.bbox, occupied) for box in boxes]
        best = costs.index(min(costs))
        occupied.append(_move(annotation, _OFFSETS[best], renderer))


def _cost(box: Bbox, inside: Bbox, occupied: Sequence[Bbox]) -> int:
    """Count what a name would cover; a name that leaves the axes is worse."""
    outside = box.x0 < inside.x0 or box.x1 > inside.x1 or box.y0 < inside.y0 or box.y1 > inside.y1
    covered = sum(bool(box.overlaps(other)) for other in occupied)
    return covered + (10 if outside else 0)


def _move(annotation: Annotation, offset: Offset, renderer: Any) -> Bbox:  # noqa: ANN401
    """Move a name, and return the box of its text, without the line to its dot."""
    side, height = offset
    annotation.set_horizontalalignment(side)
    annotation.set_position((8 if side == "left" else -8, height))
    annotation.update_positions(renderer)
    return Text.get_window_extent(annotation, renderer)
