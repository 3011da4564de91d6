"""The report of one version: a single HTML file that needs nothing but a browser."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from coldpress.report import formats, limits, reliability, scatter, sentences
from coldpress.report.equity import KINDS, equity_figure
from coldpress.report.findings import Findings
from coldpress.report.waterfall_panels import waterfall_panels

MAX_FLIPS = 100
"""Rows shown; the table that evaluation keeps has all of them."""


def render_report(findings: Findings) -> str:
    """Write the report.

    Everything that a user wrote is escaped; what was not measured is left out. Equal findings
    give equal text.

    Args:
        findings: The version.

    Returns:
        A whole HTML document without scripts, fonts, images or styles from elsewhere.
    """
    return (
        template_environment()
        .get_template("report.html.j2")
        .render(
            found=findings,
            evaluation=findings.evaluation,
            timing_remarks=list(limits.timing_remarks(findings.evaluation)),
            final=findings.final,
            panels=waterfall_panels(findings),
            trade_offs=scatter.trade_offs(findings),
            equity=equity_figure(findings.evaluation.equity),
            curves=reliability.reliability_curves(findings),
            flips=findings.flips[:MAX_FLIPS],
            recipe=recipe_yaml(findings),
        )
    )


def recipe_yaml(findings: Findings) -> str:
    """Return the recipe as YAML, in the order in which it is documented."""
    return yaml.safe_dump(
        findings.recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True
    )


@cache
def template_environment() -> Environment:
    """Return how templates are read: escaped, and refusing names that nobody gave them."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.update(_template_globals())
    return made


def _template_globals() -> dict[str, Any]:
    """What templates may call by name."""
    return {
        "formats": formats,
        "kinds": KINDS,
        "reliability": reliability,
        "scatter": scatter,
        "words": sentences,
    }
