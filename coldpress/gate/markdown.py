"""The verdict as a page of the registry shows it."""

from __future__ import annotations

from coldpress.gate.verdict import Check, Verdict
from coldpress.schema.markdown import as_text

_LONGEST = 5000
_LONGEST_SENTENCE = 400
_HEAD = "| Check | Verdict | Value | Bound | In words |\n|---|---|---|---|---|"


def page(verdict: Verdict) -> str:
    """Write a verdict as a markdown table.

    Args:
        verdict: What the gate says.

    Returns:
        At most 5000 characters, the longest description that a registry in a database takes.
    """
    title = f"Gate: **{'passed' if verdict.passed else 'refused'}**"
    lines = [title, "", _HEAD, *map(_row, verdict.checks)]
    while len("\n".join(lines)) > _LONGEST:
        lines.pop()
    return "\n".join(lines)


def reasons(verdict: Verdict) -> str:
    """Return the sentences of the checks that failed, one a line."""
    return "\n".join(c.sentence for c in verdict.checks if not c.passed)[:_LONGEST]


def _row(check: Check) -> str:
    value = "not known" if check.value is None else f"{check.value:.6g}"
    said = "passed" if check.passed else "**refused**"
    sentence = as_text(check.sentence[:_LONGEST_SENTENCE])
    return f"| `{check.name}` | {said} | {value} | {check.bound:.6g} | {sentence} |"
