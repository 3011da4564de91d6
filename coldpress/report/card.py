"""Model card of one version, in the format of the Hugging Face hub."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from coldpress.report import formats, method, sentences
from coldpress.report.equity import KINDS, equity_figure
from coldpress.report.findings import Findings
from coldpress.report.front_matter import front_matter
from coldpress.report.limits import limits
from coldpress.report.templates import load_templates
from coldpress.schema.markdown import escape_markdown

MAX_LABELS = 40
MAX_GROUPS = 20
"""Largest numbers in the card; the report lists all."""


def render_card(findings: Findings) -> str:
    """Render the model card: YAML front matter, then Markdown.

    User text is escaped, so that it is neither HTML nor Markdown. Equal findings give equal text.
    """
    return (
        _environment()
        .get_template("card.md.j2")
        .render(
            findings=findings,
            evaluation=findings.evaluation,
            final=findings.final,
            # Written by a YAML library; not Markdown.
            front_matter=Markup(front_matter(findings)),  # noqa: S704
            labels=list(findings.final.per_class),
            steps=method.describe_steps(findings.recipe),
            data=method.describe_data(findings.recipe),
            equity=equity_figure(findings.evaluation.equity),
            limits=limits(findings),
        )
    )


def _escape(value: Any) -> Any:  # noqa: ANN401
    """Escape text for Markdown, on one line."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return escape_markdown(value)


@cache
def _environment() -> Environment:
    environment = load_templates(Path(__file__).parent, finalize=_escape)
    environment.globals.update(
        formats=formats,
        sentences=sentences,
        kinds=KINDS,
        MAX_LABELS=MAX_LABELS,
        MAX_GROUPS=MAX_GROUPS,
    )
    return environment
