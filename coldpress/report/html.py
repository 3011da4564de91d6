"""HTML report of one version: a single self-contained file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment

from coldpress.gate import number_format
from coldpress.report import formats, limits, reliability, scatter, sentences
from coldpress.report.equity import KINDS, equity_figure
from coldpress.report.findings import Findings
from coldpress.report.templates import load_templates
from coldpress.report.waterfall_panels import waterfall_panels

MAX_FLIPS = 100
"""Largest number of rows; the evaluation's table lists all."""


def render_report(findings: Findings) -> str:
    """Render the report as an HTML document without scripts or external resources.

    User text is escaped; sections without measurements are left out. Equal findings give equal
    text.
    """
    return (
        template_environment()
        .get_template("report.html.j2")
        .render(
            findings=findings,
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
    """Return the recipe as YAML, in the order of its documentation."""
    return yaml.safe_dump(
        findings.recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True
    )


@cache
def template_environment() -> Environment:
    """Return the template environment: output is escaped, undefined names are errors."""
    environment = load_templates(Path(__file__).parent, autoescape=True)
    environment.globals.update(_template_globals())
    return environment


def _template_globals() -> dict[str, Any]:
    """Modules and constants that templates use."""
    return {
        "formats": formats,
        "kinds": KINDS,
        "number_format": number_format,
        "reliability": reliability,
        "scatter": scatter,
        "sentences": sentences,
    }
