"""The verdict as markdown for the registry."""

from __future__ import annotations

from coldpress.gate.number_format import format_bound, format_value
from coldpress.gate.verdict import Check, Verdict
from coldpress.schema.markdown import escape_markdown

_MAX_LENGTH = 5000
_MAX_SENTENCE_LENGTH = 400
_TABLE_HEAD = "| Check | Verdict | Value | Bound | In words |\n|---|---|---|---|---|"


def verdict_page(verdict: Verdict) -> str:
    """Write a verdict as a markdown table.

    Returns:
        At most 5000 characters, the longest description that a registry database stores.
    """
    title = f"Gate: **{'passed' if verdict.passed else 'refused'}**"
    lines = [title, "", _TABLE_HEAD, *map(_row, verdict.checks)]
    while len("\n".join(lines)) > _MAX_LENGTH:
        lines.pop()
    return "\n".join(lines)


def failed_sentences(verdict: Verdict) -> str:
    """Return the sentences of the failed checks, one per line."""
    return "\n".join(c.sentence for c in verdict.checks if not c.passed)[:_MAX_LENGTH]


def _row(check: Check) -> str:
    result = "passed" if check.passed else "**refused**"
    sentence = escape_markdown(check.sentence[:_MAX_SENTENCE_LENGTH])
    numbers = f"{format_value(check)} | {format_bound(check)}"
    return f"| `{check.name}` | {result} | {numbers} | {sentence} |"
