"""HTML page of a search: its Pareto front as figure and table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from coldpress.report.html import template_environment


def render_front(name: str, rows: Sequence[Mapping[str, Any]], figure: str) -> str:
    """Render the page as an HTML document without scripts or external resources.

    Args:
        name: The search's recipe.
        rows: One for each model, with the same columns; escaped.
        figure: An SVG drawing of our own.
    """
    drawing = figure[figure.index("<svg") :]
    template = template_environment().get_template("front.html.j2")
    return template.render(
        name=name, rows=rows, columns=list(rows[0] if rows else ()), figure=drawing
    )
