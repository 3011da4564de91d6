"""The table of all claims, rendered from the records."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from claim import Claim, Number, put, read_all, said
from coldpress.report.formats import duration, percent

TEMPLATE = "papers.md.j2"


def write(docs: Path) -> None:
    """Render `papers.md` from every record of the documentation.

    Args:
        docs: Its folder.
    """
    put(docs / "papers.md", render(read_all(docs)))


def render(claims: list[Claim]) -> str:
    """Write the table and a section a claim; equal records give equal text.

    Args:
        claims: The records.

    Returns:
        Markdown.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.globals |= {"seeds": by_seed, "duration": duration, "percent": percent}
    return environment.get_template(TEMPLATE).render(claims=claims)


def by_seed(number: Number) -> str:
    """Write what each seed came to, with its interval where it has one."""
    ranges = [_range(number, *ends) for ends in zip(number.low, number.high, strict=True)]
    return "; ".join(
        said(number.unit, value, None) + around
        for value, around in zip(number.seeds, ranges or [""] * len(number.seeds), strict=True)
    )


def in_words(claim: Claim) -> str:
    """Say what was found, for the screen.

    Args:
        claim: The record.

    Returns:
        Lines of text.
    """
    lines = [f"{claim.paper.title}: {claim.paper.claim}", f"paper: {claim.paper.figure}"]
    for result in claim.results:
        data, verdict = result.data, result.verdict
        lines.append(f"{data.name}, {data.test} test rows, {len(claim.seeds)} seeds")
        lines += [f"  {name}: {number}" for name, number in result.numbers.items()]
        lines.append(f"  {verdict.judgement}: {verdict.reason}")
    return "\n".join(lines)


def _range(number: Number, low: float, high: float) -> str:
    return f" ({said(number.unit, low, None)} to {said(number.unit, high, None)})"
