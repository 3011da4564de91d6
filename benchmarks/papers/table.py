"""The page of all claims, rendered from the records."""

from __future__ import annotations

from pathlib import Path

from claim import Claim, Number, format_number, read_records
from coldpress.report.formats import duration, percent
from coldpress.report.templates import load_templates
from tasks.environment.atomic_file import write_text_atomic

TEMPLATE = "papers.md.j2"


def write(docs: Path) -> None:
    """Render `papers.md` from all records.

    Args:
        docs: The folder of the documentation.
    """
    write_text_atomic(docs / "papers.md", render(read_records(docs)))


def render(claims: list[Claim]) -> str:
    """Render the table and a section per claim; equal records give equal text.

    Args:
        claims: The records.

    Returns:
        Markdown.
    """
    environment = load_templates(Path(__file__).parent)
    environment.globals |= {"seeds": format_seeds, "duration": duration, "percent": percent}
    return environment.get_template(TEMPLATE).render(claims=claims)


def format_seeds(number: Number) -> str:
    """Format the value of each seed, with its interval if it has one."""
    ranges = [_format_range(number, *ends) for ends in zip(number.low, number.high, strict=True)]
    return "; ".join(
        format_number(number.unit, value, None) + interval
        for value, interval in zip(number.seeds, ranges or [""] * len(number.seeds), strict=True)
    )


def summarize(claim: Claim) -> str:
    """Summarize a claim for the terminal.

    Args:
        claim: The record.

    Returns:
        Lines of text.
    """
    lines = [f"{claim.paper.title}: {claim.paper.claim}", f"paper: {claim.paper.figure}"]
    for result in claim.results:
        data = result.data
        verdict = result.verdict
        lines.append(f"{data.name}, {data.test} test rows, {len(claim.seeds)} seeds")
        lines += [f"  {name}: {number}" for name, number in result.numbers.items()]
        lines.append(f"  {verdict.judgement}: {verdict.reason}")
    return "\n".join(lines)


def _format_range(number: Number, low: float, high: float) -> str:
    return f" ({format_number(number.unit, low, None)} to {format_number(number.unit, high, None)})"
