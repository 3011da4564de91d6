"""The card of one version, in the format of the Hugging Face hub: made from what was measured."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from coldpress.report import formats, method, sentences
from coldpress.report.equity import KINDS, equity_figure
from coldpress.report.findings import Findings
from coldpress.report.front_matter import front_matter
from coldpress.report.limits import limits
from coldpress.schema.markdown import escape_markdown

MAX_LABELS = 40
MAX_GROUPS = 20
"""What the card names; the report has all."""


def render_card(findings: Findings) -> str:
    """Write the card.

    What a user wrote is escaped, so that it is neither HTML nor Markdown. Equal findings give equal
    text.

    Args:
        findings: The version.

    Returns:
        YAML between two lines of dashes, then Markdown.
    """
    return (
        _environment()
        .get_template("card.md.j2")
        .render(
            found=findings,
            evaluation=findings.evaluation,
            final=findings.final,
            # Written by a YAML library, and no Markdown.
            front_matter=Markup(front_matter(findings)),  # noqa: S704
            labels=list(findings.final.per_class),
            steps=method.describe_steps(findings.recipe),
            data=method.describe_data(findings.recipe),
            equity=equity_figure(findings.evaluation.equity),
            limits=limits(findings),
        )
    )


def _escape(value: Any) -> Any:  # noqa: ANN401
    """Return text as Markdown that shows it as it is, on one line."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return escape_markdown(value)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701 - Markdown is escaped by `finalize`
        finalize=_escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.update(
        formats=formats, words=sentences, kinds=KINDS, LABELS=MAX_LABELS, GROUPS=MAX_GROUPS
    )
    return made
