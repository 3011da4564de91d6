"""The page docs/peers.md, made from all records."""

from __future__ import annotations

from pathlib import Path

from coldpress.report.formats import percent, percent_range, short, signed_points
from coldpress.report.formats import signed_points_range as points_range
from coldpress.report.templates import load_templates
from peers import findings, record
from peers.record import Comparison, Latency, Row
from tasks.environment.atomic_file import write_text_atomic

TEMPLATE = "peers.md.j2"
MISSING = "–"  # noqa: RUF001


def write(docs: Path) -> None:
    """Write `peers.md` from the records in the same folder.

    Args:
        docs: The folder of the documentation.
    """
    write_text_atomic(docs / "peers.md", render(record.read_all(docs)))


def render(comparisons: list[Comparison]) -> str:
    """Render the page; equal records give equal text.

    Args:
        comparisons: One record per dataset.

    Returns:
        Markdown.
    """
    environment = load_templates(Path(__file__).parent)
    environment.globals |= {"cells": cells, "versions": versions, "short": short}
    environment.globals |= {"sentences": sentences, "settings": settings}
    return environment.get_template(TEMPLATE).render(comparisons=comparisons)


def sentences(comparison: Comparison) -> list[str]:
    """Return what the table shows, in words."""
    parts = (findings.speedups, findings.static_models, findings.losses)
    return [sentence for part in parts for sentence in part(comparison)]


def settings(comparisons: list[Comparison]) -> list[tuple[str, str]]:
    """Return the settings of all models, by name; equal ones of several datasets once."""
    rows = [row for comparison in comparisons for row in comparison.rows]
    return list(dict.fromkeys((row.name, row.settings) for row in rows))


def cells(row: Row) -> str:
    """Return the cells of a measured model, joined for a Markdown table."""
    if not (row.score and row.speed and row.costs):
        return f"failed: {row.failure}" + " |" * 7
    score = row.score
    change = MISSING
    if score.difference is not None:
        interval = points_range(score.difference)
        change = f"{signed_points(score.difference.estimate)} ({interval})"
    columns = (
        f"{percent(score.accuracy.estimate)} ({percent_range(score.accuracy)})",
        change,
        _format_latency(row.speed.ids),
        _format_latency(row.speed.text),
        f"{short(row.speed.one_thread)} / {short(row.speed.two_threads)}",
        f"{_megabytes(row.costs.model_bytes)} + {_megabytes(row.costs.tokenizer_bytes)}",
        f"{row.costs.peak_bytes / 1e6:.0f}",
        MISSING if row.costs.seconds is None else _seconds(row.costs.seconds),
    )
    return " | ".join(columns)


def versions(comparison: Comparison) -> str:
    """Return the versions of all libraries, each named once.

    A library that several environments have in different versions is listed with each of them.
    """
    pairs = {(name, value) for row in comparison.rows for name, value in row.versions.items()}
    return ", ".join(f"{name} {value}" for name, value in sorted(pairs))


def _format_latency(latency: Latency | None) -> str:
    return MISSING if latency is None else f"{short(latency.p50)} / {short(latency.p95)}"


def _megabytes(count: int) -> str:
    return short(count / 1e6) if count else "0"


def _seconds(seconds: float) -> str:
    return "0" if seconds < 0.05 else short(seconds)
