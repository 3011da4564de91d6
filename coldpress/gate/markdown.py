"""The verdict as markdown for the registry."""

from __future__ import annotations

from collections.abc import Mapping

from coldpress.gate.verdict import Check, Verdict
from coldpress.schema.markdown import escape_markdown

_MAX_LENGTH = 5000
_MAX_SENTENCE_LENGTH = 400
_TABLE_HEAD = "| Check | Verdict | Value | Bound | In words |\n|---|---|---|---|---|"
_FORMATS: Mapping[str, tuple[str, str]] = {
    "min_speedup": (".4g", ".6g"),
    "max_bytes": (",.0f", ",.0f"),
    "max_p95_ms": (".4g", ".6g"),
    "max_calibration_error": (".3g", ".6g"),
    "parity": (".3g", ".3g"),
}
"""Formats of value and bound in a check's sentence; the values of all other checks are shares."""


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
    value = "unknown" if check.value is None else _number(check, check.value, 0)
    bound = _number(check, check.bound, 1)
    result = "passed" if check.passed else "**refused**"
    sentence = escape_markdown(check.sentence[:_MAX_SENTENCE_LENGTH])
    return f"| `{check.name}` | {result} | {value} | {bound} | {sentence} |"


def _number(check: Check, number: float, column: int) -> str:
    """Round a number as the check's sentence does, which has two decimals for percentage points."""
    if check.name in _FORMATS:
        return format(number, _FORMATS[check.name][column])
    return f"{round(number, 4) + 0.0:g}"
